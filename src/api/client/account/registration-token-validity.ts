import { Type } from 'typebox';
import type { Registration } from '../../../accounts/registration/registration.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** GET /register/m.login.registration_token/validity */
export const registrationTokenValidity = endpoint(
  {
    id: 'registrationTokenValidity',
    spec: 'client-server-api/#get_matrixclientv1registermloginregistration_tokenvalidity',
    method: 'GET',
    paths: clientPaths('/register/m.login.registration_token/validity', { since: 'v1' }),
    auth: 'none',
    limit: 'registration',
    query: Type.Object({ token: Type.String() }),
  },
  async (needs: { registration: Registration }, request) => ({
    valid: await needs.registration.isTokenUsable(request.query.token),
  }),
);
