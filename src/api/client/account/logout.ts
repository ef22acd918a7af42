import type { Accounts } from '../../../accounts/accounts.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /logout */
export const logout = endpoint(
  {
    id: 'logout',
    spec: 'client-server-api/#post_matrixclientv3logout',
    method: 'POST',
    paths: clientPaths('/logout'),
    auth: 'user',
    whenLocked: 'allowed',
    guests: true,
  },
  async (needs: { accounts: Accounts }, request) => {
    const { userId, deviceId } = request.session;
    if (deviceId !== undefined) await needs.accounts.endDevices(userId, [deviceId]);
    return {};
  },
);

/** POST /logout/all */
export const logoutAll = endpoint(
  {
    id: 'logout_all',
    spec: 'client-server-api/#post_matrixclientv3logoutall',
    method: 'POST',
    paths: clientPaths('/logout/all'),
    auth: 'user',
    whenLocked: 'allowed',
    guests: true,
  },
  async (needs: { accounts: Accounts }, request) => {
    await needs.accounts.endAllDevices(request.session.userId);
    return {};
  },
);
