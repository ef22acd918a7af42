import { Type } from 'typebox';
import type { Accounts } from '../../../accounts/accounts.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /account/password */
export const changePassword = endpoint(
  {
    id: 'changePassword',
    spec: 'client-server-api/#post_matrixclientv3accountpassword',
    method: 'POST',
    paths: clientPaths('/account/password'),
    auth: 'optional',
    limit: 'login',
    body: Type.Object({
      new_password: Type.String(),
      logout_devices: Type.Optional(Type.Boolean()),
      auth: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    }),
  },
  async (needs: { accounts: Accounts }, request) => {
    const { new_password: password, logout_devices: logoutDevices, auth } = request.body;
    const { session } = request;
    const userId = await needs.accounts.confirmPasswordChange(session, password, auth);
    const keep = (logoutDevices ?? true) ? session?.deviceId : 'keep all';
    await needs.accounts.setPassword(userId, password, keep);
    return {};
  },
);
