import { Type } from 'typebox';
import type { Appservices } from '../../../accounts/application-services/appservices.ts';
import type { AppserviceInterest } from '../../../modules/application-services/index.ts';
import { roomId, type RoomId } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import type { CommittedRooms } from '../../../rooms/reading/committed-rooms.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import type { PartialRooms } from '../../../rooms/state/partial-rooms.ts';
import type { Session } from '../../../wire/session.ts';

/** How long to wait for the members of a room that was just joined by way of another server, in ms. */
const LONGEST_WAIT_MS = 30_000;

interface Needs {
  rooms: CommittedRooms;
  partialRooms: PartialRooms;
  appservices: Appservices;
  appserviceInterest: AppserviceInterest;
}

/** GET /rooms/{roomId}/joined_members */
export const getJoinedMembersByRoom = endpoint(
  {
    id: 'getJoinedMembersByRoom',
    spec: 'client-server-api/#get_matrixclientv3roomsroomidjoined_members',
    method: 'GET',
    paths: clientPaths('/rooms/:roomId/joined_members'),
    auth: 'user',
    guests: true,
    params: Type.Object({ roomId: Type.String() }),
  },
  async (needs: Needs, request) => {
    const id = roomId(request.params.roomId);
    await assertInRoom(needs, request.session, id);
    await needs.partialRooms.whenComplete(id, LONGEST_WAIT_MS);
    const joined: JsonObject = {};
    for await (const members of needs.rooms.memberContents(id)) {
      for (const { userId, content } of members) {
        const { membership, displayname, avatar_url: avatarUrl } = content;
        if (membership !== 'join') continue;
        joined[userId] = {
          display_name: typeof displayname === 'string' ? displayname : null,
          avatar_url: typeof avatarUrl === 'string' ? avatarUrl : null,
        };
      }
    }
    return { joined };
  },
);

/** 403 unless the user is joined or, where an application service asks, any of its users. */
async function assertInRoom(needs: Needs, { appserviceId, userId }: Session, id: RoomId): Promise<void> {
  const service = appserviceId === undefined ? undefined : needs.appservices.byId(appserviceId);
  if (service && (await needs.appserviceInterest.hasMember(service, id))) return;
  await needs.rooms.assertJoined(id, userId);
}
