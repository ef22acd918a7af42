import { Type } from 'typebox';
import type { Login } from '../../../accounts/login.ts';
import type { SingleSignOn } from '../../../accounts/sso/single-sign-on.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import { sessionBody } from './session-body.ts';

/** GET /login */
export const getLoginFlows = endpoint(
  {
    id: 'getLoginFlows',
    spec: 'client-server-api/#get_matrixclientv3login',
    method: 'GET',
    paths: clientPaths('/login'),
    auth: 'none',
  },
  (needs: { singleSignOn: SingleSignOn }) => ({
    flows: [
      { type: 'm.login.password' },
      ssoFlow(needs.singleSignOn),
      { type: 'm.login.token', get_login_token: true },
      { type: 'm.login.application_service' },
    ],
  }),
);

/** POST /login */
export const login = endpoint(
  {
    id: 'login',
    spec: 'client-server-api/#post_matrixclientv3login',
    method: 'POST',
    paths: clientPaths('/login'),
    auth: 'application-service',
    limit: 'login',
    body: Type.Object({
      type: Type.String(),
      identifier: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      user: Type.Optional(Type.String()),
      medium: Type.Optional(Type.String()),
      address: Type.Optional(Type.String()),
      password: Type.Optional(Type.String()),
      token: Type.Optional(Type.String()),
      device_id: Type.Optional(Type.String()),
      initial_device_display_name: Type.Optional(Type.String()),
      refresh_token: Type.Optional(Type.Boolean()),
    }),
  },
  async (needs: { login: Login }, request) =>
    sessionBody(await needs.login.login(request.body as JsonObject, request.session?.appserviceId)),
);

/** Signing in with a browser: on this server's own page, or by another service ("OAuth 2.0 aware clients"). */
function ssoFlow({ providers }: SingleSignOn): JsonObject {
  const flow: JsonObject = { type: 'm.login.sso', oauth_aware_preferred: true };
  if (providers.length === 0) return flow;
  flow.identity_providers = providers.map(({ settings: { id, name, icon, brand } }) => ({
    id,
    name,
    ...(icon === '' ? {} : { icon }),
    ...(brand === '' ? {} : { brand }),
  }));
  return flow;
}
