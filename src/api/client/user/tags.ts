import { Type } from 'typebox';
import type { AccountData } from '../../../modules/account-data/index.ts';
import { roomId } from '../../../protocol/identifiers.ts';
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
    const room = roomId(request.params.roomId);
    return { tags: tagsIn(await needs.accountData.find(userId, room, 'm.tag')) };
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
    await needs.accountData.edit(userId, room, 'm.tag', (before) => ({
      tags: { ...tagsIn(before), [request.params.tag]: request.body as JsonObject },
    }));
    return {};
  },
);

/** DELETE /user/{userId}/rooms/{roomId}/tags/{tag} */
export const deleteRoomTag = endpoint(
  { ...oneTag, id: 'deleteRoomTag', method: 'DELETE' },
  async (needs: { accountData: AccountData }, request) => {
    const userId = ownUser(request.session, request.params.userId);
    const room = roomId(request.params.roomId);
    await needs.accountData.edit(userId, room, 'm.tag', (before) => {
      const tags = { ...tagsIn(before) };
      if (!Object.hasOwn(tags, request.params.tag)) return undefined;
      delete tags[request.params.tag];
      return { tags };
    });
    return {};
  },
);

function tagsIn(content: JsonObject | undefined): JsonObject {
  return isJsonObject(content?.tags) ? content.tags : {};
}
