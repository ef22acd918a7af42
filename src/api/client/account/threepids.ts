import { Type } from 'typebox';
import type { Accounts } from '../../../accounts/accounts.ts';
import { threepidOf } from '../../../accounts/threepids/threepid-addresses.ts';
import type { Threepids } from '../../../accounts/threepids/threepids.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

const Auth = Type.Optional(Type.Record(Type.String(), Type.Unknown()));

/** GET /account/3pid */
export const getAccount3PIDs = endpoint(
  {
    id: 'getAccount3PIDs',
    spec: 'client-server-api/#get_matrixclientv3account3pid',
    method: 'GET',
    paths: clientPaths('/account/3pid'),
    auth: 'user',
  },
  async (needs: { threepids: Threepids }, { session }) => ({
    threepids: (await needs.threepids.of(session.userId)).map((row) => ({
      medium: row.medium,
      address: row.address,
      validated_at: row.validated_at,
      added_at: row.added_at,
    })),
  }),
);

/** POST /account/3pid: adds, and binds if asked to. */
export const post3PIDs = endpoint(
  {
    id: 'post3PIDs',
    spec: 'client-server-api/#post_matrixclientv3account3pid',
    method: 'POST',
    paths: clientPaths('/account/3pid'),
    auth: 'user',
    limit: 'login',
    body: Type.Object({
      three_pid_creds: Type.Object({
        client_secret: Type.String(),
        sid: Type.String(),
        id_server: Type.Optional(Type.String()),
        id_access_token: Type.Optional(Type.String()),
      }),
      bind: Type.Optional(Type.Boolean()),
    }),
  },
  async (needs: { threepids: Threepids }, { session, body }) => {
    const creds = body.three_pid_creds;
    const name = { sid: creds.sid, clientSecret: creds.client_secret };
    const { id_server: idServer, id_access_token: accessToken } = creds;
    await needs.threepids.add(session.userId, name);
    if (body.bind === true && idServer !== undefined && accessToken !== undefined) {
      await needs.threepids.bind(session.userId, { idServer, accessToken }, name);
    }
    return {};
  },
);

/** POST /account/3pid/add */
export const add3PID = endpoint(
  {
    id: 'add3PID',
    spec: 'client-server-api/#post_matrixclientv3account3pidadd',
    method: 'POST',
    paths: clientPaths('/account/3pid/add'),
    auth: 'user',
    limit: 'login',
    body: Type.Object({ client_secret: Type.String(), sid: Type.String(), auth: Auth }),
  },
  async (needs: { accounts: Accounts; threepids: Threepids }, { session, body }) => {
    await needs.accounts.confirm(session, 'add 3pid', body.auth);
    await needs.threepids.add(session.userId, { sid: body.sid, clientSecret: body.client_secret });
    return {};
  },
);

/** POST /account/3pid/bind */
export const bind3PID = endpoint(
  {
    id: 'bind3PID',
    spec: 'client-server-api/#post_matrixclientv3account3pidbind',
    method: 'POST',
    paths: clientPaths('/account/3pid/bind'),
    auth: 'user',
    limit: 'login',
    body: Type.Object({
      client_secret: Type.String(),
      sid: Type.String(),
      id_server: Type.String(),
      id_access_token: Type.String(),
    }),
  },
  async (needs: { threepids: Threepids }, { session, body }) => {
    const access = { idServer: body.id_server, accessToken: body.id_access_token };
    await needs.threepids.bind(session.userId, access, { sid: body.sid, clientSecret: body.client_secret });
    return {};
  },
);

const removal = {
  method: 'POST',
  auth: 'user',
  limit: 'login',
  body: Type.Object({
    medium: Type.String(),
    address: Type.String(),
    id_server: Type.Optional(Type.String()),
  }),
} as const;

/** POST /account/3pid/delete */
export const delete3pidFromAccount = endpoint(
  {
    ...removal,
    id: 'delete3pidFromAccount',
    spec: 'client-server-api/#post_matrixclientv3account3piddelete',
    paths: clientPaths('/account/3pid/delete'),
  },
  async (needs: { threepids: Threepids }, { session, body }) => {
    const threepid = threepidOf(body.medium, body.address);
    const result = await needs.threepids.remove(session.userId, threepid, body.id_server);
    return { id_server_unbind_result: result };
  },
);

/** POST /account/3pid/unbind */
export const unbind3pidFromAccount = endpoint(
  {
    ...removal,
    id: 'unbind3pidFromAccount',
    spec: 'client-server-api/#post_matrixclientv3account3pidunbind',
    paths: clientPaths('/account/3pid/unbind'),
  },
  async (needs: { threepids: Threepids }, { session, body }) => {
    const threepid = threepidOf(body.medium, body.address);
    const result = await needs.threepids.unbind(session.userId, threepid, body.id_server);
    return { id_server_unbind_result: result };
  },
);
