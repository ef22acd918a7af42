import { Type } from 'typebox';
import type { AccountData } from '../../../modules/account-data/index.ts';
import { roomId } from '../../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../../protocol/json.ts';
import { invalidParam } from '../../../protocol/matrix-error.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import { ownUser } from './own-user.ts';

/** Bytes of UTF-8 that the name of a tag may have (Client-Server API, "Room Tagging"). */
const LONGEST_NAME = 255;

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
    const { tag } = request.params;
    const bytes = Buffer.byteLength(tag);
    if (bytes > LONGEST_NAME) {
      throw invalidParam(`The name of a tag may have ${LONGEST_NAME} bytes, and this one has ${bytes}`);
    }
    await needs.accountData.edit(userId, room, 'm.tag', (before) => ({
      tags: { ...tagsIn(before), [tag]: request.body as JsonObject },
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
