import { Type } from 'typebox';
import type { Presence } from '../../../modules/presence/index.ts';
import { userId } from '../../../protocol/identifiers.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

const declaration = {
  paths: clientPaths('/presence/:userId/status'),
  auth: 'user',
  params: Type.Object({ userId: Type.String() }),
} as const;

/** GET /presence/{userId}/status */
export const getPresence = endpoint(
  { ...declaration, id: 'getPresence', method: 'GET' },
  (needs: { presence: Presence }, request) =>
    needs.presence.get(request.session.userId, userId(request.params.userId)),
);

/** PUT /presence/{userId}/status */
export const setPresence = endpoint(
  {
    ...declaration,
    id: 'setPresence',
    method: 'PUT',
    body: Type.Object({
      presence: Type.Union([Type.Literal('online'), Type.Literal('unavailable'), Type.Literal('offline')]),
      status_msg: Type.Optional(Type.String({ maxLength: 4_096 })),
    }),
  },
  async (needs: { presence: Presence }, request) => {
    const { presence, status_msg: message } = request.body;
    await needs.presence.set(request.session, userId(request.params.userId), presence, message);
    return {};
  },
);
