import { Type } from 'typebox';
import { parseEmail, parsePhone } from '../../accounts/threepids/threepid-addresses.ts';
import type { ThreepidValidation } from '../../accounts/threepids/threepid-validation.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { bothVersions } from './both-versions.ts';

interface Needs {
  readonly validation: ThreepidValidation;
}

const common = {
  client_secret: Type.String(),
  send_attempt: Type.Integer({ maximum: 1_000_000 }),
  next_link: Type.Optional(Type.String()),
};

/** POST /_matrix/identity/v2/validate/email/requestToken */
export const emailRequestToken = bothVersions(
  {
    id: 'emailRequestTokenV2',
    spec: 'identity-service-api/#post_matrixidentityv2validateemailrequesttoken',
    method: 'POST',
    path: '/validate/email/requestToken',
    auth: 'identity',
    limit: 'login',
    body: Type.Object({ ...common, email: Type.String({ maxLength: 300 }) }),
  },
  async ({ validation }: Needs, { body }) => {
    const threepid = parseEmail(body.email);
    if (!threepid) throw new MatrixError(400, 'M_INVALID_EMAIL', '"email" must be one mail address');
    const { client_secret: clientSecret, send_attempt: sendAttempt, next_link: nextLink } = body;
    const { sid } = await validation.begin('bind', { threepid, clientSecret, sendAttempt, nextLink });
    return { sid };
  },
);

/** POST /_matrix/identity/v2/validate/msisdn/requestToken */
export const msisdnRequestToken = bothVersions(
  {
    id: 'msisdnRequestTokenV2',
    spec: 'identity-service-api/#post_matrixidentityv2validatemsisdnrequesttoken',
    method: 'POST',
    path: '/validate/msisdn/requestToken',
    auth: 'identity',
    limit: 'login',
    body: Type.Object({ ...common, country: Type.String(), phone_number: Type.String() }),
  },
  async ({ validation }: Needs, { body }) => {
    const threepid = await parsePhone(body.country, body.phone_number);
    if (!threepid) {
      throw new MatrixError(400, 'M_INVALID_ADDRESS', '"phone_number" is no phone number of this country');
    }
    const { client_secret: clientSecret, send_attempt: sendAttempt, next_link: nextLink } = body;
    const { sid } = await validation.begin('bind', { threepid, clientSecret, sendAttempt, nextLink });
    return { sid };
  },
);

function submitToken(medium: 'email' | 'msisdn') {
  return bothVersions(
    {
      id: `${medium}SubmitTokenPostV2`,
      spec: `identity-service-api/#post_matrixidentityv2validate${medium}submittoken`,
      method: 'POST',
      path: `/validate/${medium}/submitToken`,
      auth: 'identity',
      limit: 'login',
      body: Type.Object({ sid: Type.String(), client_secret: Type.String(), token: Type.String() }),
    },
    async ({ validation }: Needs, { body }) => {
      await validation.submit({ sid: body.sid, clientSecret: body.client_secret }, body.token);
      return { success: true };
    },
  );
}

/** POST /_matrix/identity/v2/validate/email/submitToken */
export const emailSubmitToken = submitToken('email');
/** POST /_matrix/identity/v2/validate/msisdn/submitToken */
export const msisdnSubmitToken = submitToken('msisdn');
