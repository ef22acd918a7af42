import { Type } from 'typebox';
import type { Typing } from '../../../modules/typing/index.ts';
import { roomId } from '../../../protocol/identifiers.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import { ownUser } from '../user/own-user.ts';

/** PUT /rooms/{roomId}/typing/{userId} */
export const setTyping = endpoint(
  {
    id: 'setTyping',
    method: 'PUT',
    paths: clientPaths('/rooms/:roomId/typing/:userId'),
    auth: 'user',
    whenSuspended: 'refused',
    params: Type.Object({ roomId: Type.String(), userId: Type.String() }),
    body: Type.Object({ typing: Type.Boolean(), timeout: Type.Optional(Type.Integer({ minimum: 0 })) }),
  },
  async (needs: { typing: Typing }, request) => {
    const userId = ownUser(request.session, request.params.userId);
    const { typing, timeout } = request.body;
    await needs.typing.set(userId, roomId(request.params.roomId), typing, timeout);
    return {};
  },
);
