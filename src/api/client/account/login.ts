import { Type } from 'typebox';
import type { Login } from '../../../accounts/login.ts';
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
  () => ({ flows: [{ type: 'm.login.password' }, { type: 'm.login.token', get_login_token: true }] }),
);

/** POST /login */
export const login = endpoint(
  {
    id: 'login',
    spec: 'client-server-api/#post_matrixclientv3login',
    method: 'POST',
    paths: clientPaths('/login'),
    auth: 'none',
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
    sessionBody(await needs.login.login(request.body as JsonObject)),
);
