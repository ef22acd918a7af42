import { Type } from 'typebox';
import type { Registration } from '../../../accounts/registration/registration.ts';
import { deviceId } from '../../../protocol/identifiers.ts';
import { invalidParam } from '../../../protocol/matrix-error.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import { sessionBody } from './session-body.ts';

/** POST /register */
export const register = endpoint(
  {
    id: 'register',
    spec: 'client-server-api/#post_matrixclientv3register',
    method: 'POST',
    paths: clientPaths('/register'),
    auth: 'application-service',
    limit: 'registration',
    query: Type.Object({ kind: Type.Optional(Type.String()) }),
    body: Type.Object({
      type: Type.Optional(Type.String()),
      auth: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      username: Type.Optional(Type.String()),
      password: Type.Optional(Type.String()),
      device_id: Type.Optional(Type.String()),
      initial_device_display_name: Type.Optional(Type.String()),
      inhibit_login: Type.Optional(Type.Boolean()),
      refresh_token: Type.Optional(Type.Boolean()),
      guest_access_token: Type.Optional(Type.String()),
    }),
  },
  async (needs: { registration: Registration }, request) => {
    const { body } = request;
    const kind = request.query.kind ?? 'user';
    if (kind !== 'user' && kind !== 'guest') throw invalidParam('"kind" must be "user" or "guest"');
    const appserviceId = request.session?.appserviceId;
    const wishes = {
      username: body.username,
      password: body.password,
      deviceId: body.device_id === undefined || body.device_id === '' ? undefined : deviceId(body.device_id),
      displayName: body.initial_device_display_name,
      inhibitLogin: body.inhibit_login ?? false,
      form: body.refresh_token === true ? ('refreshable' as const) : ('lasting' as const),
      auth: body.auth,
      guestAccessToken: body.guest_access_token,
    };
    const { userId, session } =
      kind === 'guest'
        ? await needs.registration.registerGuest(body.initial_device_display_name)
        : appserviceId !== undefined
          ? await needs.registration.registerForAppservice(appserviceId, wishes)
          : await needs.registration.register(wishes);
    return session ? sessionBody(session) : { user_id: userId, home_server: serverOf(userId) };
  },
);

function serverOf(userId: string): string {
  return userId.slice(userId.indexOf(':') + 1);
}
