import { Type } from 'typebox';
import type { IdentityTerms } from '../../modules/identity-service/index.ts';
import { endpoint } from '../../wire/endpoint.ts';
import { IDENTITY_CODES } from './both-versions.ts';

interface Needs {
  readonly identityTerms: IdentityTerms;
}

/** GET /_matrix/identity/v2/terms */
export const getTerms = endpoint(
  {
    id: 'getTerms',
    spec: 'identity-service-api/#get_matrixidentityv2terms',
    method: 'GET',
    paths: ['/_matrix/identity/v2/terms'],
    auth: 'none',
    limit: 'identity',
  },
  ({ identityTerms }: Needs) => ({ policies: identityTerms.policies }),
);

/** POST /_matrix/identity/v2/terms */
export const agreeToTerms = endpoint(
  {
    id: 'agreeToTerms',
    spec: 'identity-service-api/#post_matrixidentityv2terms',
    method: 'POST',
    paths: ['/_matrix/identity/v2/terms'],
    auth: 'identity',
    beforeTerms: 'allowed',
    limit: 'identity',
    codes: IDENTITY_CODES,
    body: Type.Object({ user_accepts: Type.Array(Type.String(), { maxItems: 1_000 }) }),
  },
  async ({ identityTerms }: Needs, { account, body }) => {
    await identityTerms.agree(account.userId, body.user_accepts);
    return {};
  },
);
