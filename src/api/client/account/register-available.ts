import { Type } from 'typebox';
import type { NewAccounts } from '../../../accounts/registration/new-accounts.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** GET /register/available */
export const checkUsernameAvailability = endpoint(
  {
    id: 'checkUsernameAvailability',
    spec: 'client-server-api/#get_matrixclientv3registeravailable',
    method: 'GET',
    paths: clientPaths('/register/available'),
    auth: 'none',
    limit: 'registration',
    query: Type.Object({ username: Type.String() }),
  },
  async ({ newAccounts }: { newAccounts: NewAccounts }, request) => {
    await newAccounts.assertAvailable(newAccounts.userIdOf(request.query.username));
    return { available: true };
  },
);
