import { Type } from 'typebox';
import type { Administration } from '../../../accounts/administration.ts';
import { userId } from '../../../protocol/identifiers.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

interface Needs {
  administration: Administration;
}

const USER = Type.Object({ userId: Type.String() });
const moderationPaths = (what: 'lock' | 'suspend') =>
  clientPaths(`/admin/${what}/:userId`, { since: 'v1', unstable: ['uk.timedout.msc4323'] });

/** GET /admin/whois/{userId} */
export const getWhoIs = endpoint(
  {
    id: 'getWhoIs',
    spec: 'client-server-api/#get_matrixclientv3adminwhoisuserid',
    method: 'GET',
    paths: clientPaths('/admin/whois/:userId'),
    auth: 'user',
    params: USER,
  },
  (needs: Needs, request) => needs.administration.whois(request.session, userId(request.params.userId)),
);

/** GET /v1/admin/lock/{userId} */
export const getAdminLockUser = endpoint(
  {
    id: 'getAdminLockUser',
    spec: 'client-server-api/#get_matrixclientv1adminlockuserid',
    method: 'GET',
    paths: moderationPaths('lock'),
    auth: 'user',
    params: USER,
  },
  async (needs: Needs, request) => ({
    locked: await needs.administration.isLocked(request.session, userId(request.params.userId)),
  }),
);

/** PUT /v1/admin/lock/{userId} */
export const setAdminLockUser = endpoint(
  {
    id: 'setAdminLockUser',
    spec: 'client-server-api/#put_matrixclientv1adminlockuserid',
    method: 'PUT',
    paths: moderationPaths('lock'),
    auth: 'user',
    params: USER,
    body: Type.Object({ locked: Type.Boolean() }),
  },
  async (needs: Needs, request) => {
    const { locked } = request.body;
    await needs.administration.setLocked(request.session, userId(request.params.userId), locked);
    return { locked };
  },
);

/** GET /v1/admin/suspend/{userId} */
export const getAdminSuspendUser = endpoint(
  {
    id: 'getAdminSuspendUser',
    spec: 'client-server-api/#get_matrixclientv1adminsuspenduserid',
    method: 'GET',
    paths: moderationPaths('suspend'),
    auth: 'user',
    params: USER,
  },
  async (needs: Needs, request) => ({
    suspended: await needs.administration.isSuspended(request.session, userId(request.params.userId)),
  }),
);

/** PUT /v1/admin/suspend/{userId} */
export const setAdminSuspendUser = endpoint(
  {
    id: 'setAdminSuspendUser',
    spec: 'client-server-api/#put_matrixclientv1adminsuspenduserid',
    method: 'PUT',
    paths: moderationPaths('suspend'),
    auth: 'user',
    params: USER,
    body: Type.Object({ suspended: Type.Boolean() }),
  },
  async (needs: Needs, request) => {
    const { suspended } = request.body;
    await needs.administration.setSuspended(request.session, userId(request.params.userId), suspended);
    return { suspended };
  },
);
