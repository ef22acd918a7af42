import { Type } from 'typebox';
import { roomId } from '../../../protocol/identifiers.ts';
import type { MembershipChanges } from '../../../rooms/membership-changes.ts';
import { furtherContent } from './further-content.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /rooms/{roomId}/join */
export const joinRoomById = endpoint(
  {
    id: 'joinRoomById',
    spec: 'client-server-api/#post_matrixclientv3roomsroomidjoin',
    method: 'POST',
    paths: clientPaths('/rooms/:roomId/join'),
    auth: 'user',
    guests: true,
    limit: 'join',
    params: Type.Object({ roomId: Type.String() }),
    body: Type.Object({
      reason: Type.Optional(Type.String()),
      third_party_signed: Type.Optional(Type.Unknown()),
    }),
  },
  async (needs: { changes: MembershipChanges }, request) => {
    const id = roomId(request.params.roomId);
    await needs.changes.join(request.session, id, request.body.reason, furtherContent(request.body));
    return { room_id: id };
  },
);
