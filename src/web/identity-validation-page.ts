import { Type } from 'typebox';
import type { ThreepidValidation } from '../accounts/threepids/threepid-validation.ts';
import { IDENTITY_CODES } from '../api/identity/both-versions.ts';
import { endpoint } from '../wire/endpoint.ts';
import { confirmed } from './validation-page.ts';

/** GET …/submitToken of the identity service, for people: it confirms at once, and answers with a page. */
function submitTokenPage(medium: 'email' | 'msisdn', version: 'v2' | 'api/v1') {
  return endpoint(
    {
      id: `${medium}SubmitTokenGet${version === 'v2' ? 'V2' : 'V1'}`,
      spec: `identity-service-api/#get_matrixidentityv2validate${medium}submittoken`,
      method: 'GET',
      paths: [`/_matrix/identity/${version}/validate/${medium}/submitToken`],
      auth: 'none',
      limit: 'login',
      codes: IDENTITY_CODES,
      query: Type.Object({ sid: Type.String(), client_secret: Type.String(), token: Type.String() }),
    },
    ({ validation }: { validation: ThreepidValidation }, { query }) =>
      confirmed(validation, { sid: query.sid, clientSecret: query.client_secret }, query.token),
  );
}

export const identityValidationPages = [
  submitTokenPage('email', 'v2'),
  submitTokenPage('msisdn', 'v2'),
] as const;

/** The same as in 2015. */
export const identityValidationPagesV1 = [
  submitTokenPage('email', 'api/v1'),
  submitTokenPage('msisdn', 'api/v1'),
] as const;
