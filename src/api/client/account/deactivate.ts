import { Type } from 'typebox';
import type { Threepids } from '../../../accounts/threepids/threepids.ts';
import type { Accounts } from '../../../accounts/accounts.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /account/deactivate */
export const deactivateAccount = endpoint(
  {
    id: 'deactivateAccount',
    spec: 'client-server-api/#post_matrixclientv3accountdeactivate',
    method: 'POST',
    paths: clientPaths('/account/deactivate'),
    auth: 'user',
    limit: 'login',
    body: Type.Object({
      auth: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      id_server: Type.Optional(Type.String()),
      erase: Type.Optional(Type.Boolean()),
    }),
  },
  async (needs: { accounts: Accounts; threepids: Threepids }, request) => {
    await needs.accounts.confirm(request.session, 'deactivate', request.body.auth);
    const { userId } = request.session;
    const had = await needs.threepids.of(userId);
    await needs.accounts.deactivate(userId, request.body.erase);
    return {
      id_server_unbind_result: await needs.threepids.unbindAllOf(userId, request.body.id_server, had),
    };
  },
);
