import { Type } from 'typebox';
import type { AccountData } from '../../../modules/account-data/index.ts';
import { roomId, type RoomId, type UserId } from '../../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../../protocol/json.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import { ownUser } from './own-user.ts';

const oneTag = {
  paths: clientPaths('/user/:userId/rooms/:roomId/tags/:tag'),
  auth: 'user',
  params: Type.Object({ userId: Type.String(), roomId: Type.String(), tag: Type.String() }),
} as const;

/** GET /user/{userId}/rooms/{roomId}/tags */
export const getRoomTags = endpoint(
  {
    id: 'getRoomTags',
    method: 'GET',
    paths: clientPaths('/user/:userId/rooms/:roomId/tags'),
    auth: 'user',
    params: Type.Object({ userId: Type.String(), roomId: Type.String() }),
  },
  async (needs: { accountData: AccountData }, request) => {
    const userId = ownUser(request.session, request.params.userId);
    return { tags: await tagsOf(needs.accountData, userId, roomId(request.params.roomId)) };
  },
);

/** PUT /user/{userId}/rooms/{roomId}/tags/{tag} */
export const setRoomTag = endpoint(
  {
    ...oneTag,
    id: 'setRoomTag',
    method: 'PUT',
    body: Type.Object({ order: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })) }),
  },
  async (needs: { accountData: AccountData }, request) => {
    const userId = ownUser(request.session, request.params.userId);
    const room = roomId(request.params.roomId);
    const tags = await tagsOf(needs.accountData, userId, room);
    const content = { tags: { ...tags, [request.params.tag]: request.body as JsonObject } };
    await needs.accountData.put(userId, room, 'm.tag', content);
    return {};
  },
);

/** DELETE /user/{userId}/rooms/{roomId}/tags/{tag} */
export const deleteRoomTag = endpoint(
  { ...oneTag, id: 'deleteRoomTag', method: 'DELETE' },
  async (needs: { accountData: AccountData }, request) => {
    const userId = ownUser(request.session, request.params.userId);
    const room = roomId(request.params.roomId);
    const tags = { ...(await tagsOf(needs.accountData, userId, room)) };
    if (!Object.hasOwn(tags, request.params.tag)) return {};
    delete tags[request.params.tag];
    await needs.accountData.put(userId, room, 'm.tag', { tags });
    return {};
  },
);

async function tagsOf(accountData: AccountData, userId: UserId, room: RoomId): Promise<JsonObject> {
  const tags = (await accountData.find(userId, room, 'm.tag'))?.tags;
  return isJsonObject(tags) ? tags : {};
}
