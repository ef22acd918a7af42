import { Type } from 'typebox';
import { roomId } from '../../../protocol/identifiers.ts';
import type { ThirdPartyExchange } from '../../../federation/membership/third-party-exchange.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import type { MembershipChanges } from '../../../rooms/membership/membership-changes.ts';
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
    whenSuspended: 'refused',
    guests: true,
    limit: 'join',
    params: Type.Object({ roomId: Type.String() }),
    body: Type.Object({
      reason: Type.Optional(Type.String()),
      third_party_signed: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    }),
  },
  async (needs: { changes: MembershipChanges; thirdPartyExchange: ThirdPartyExchange }, request) => {
    const id = roomId(request.params.roomId);
    const signed = request.body.third_party_signed as JsonObject | undefined;
    if (signed) await needs.thirdPartyExchange.accept(request.session.userId, id, signed);
    await needs.changes.join(request.session, id, request.body.reason, furtherContent(request.body));
    return { room_id: id };
  },
);
