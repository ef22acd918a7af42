import { Type } from 'typebox';
import { emailThreepid, phoneThreepid } from '../../../accounts/threepids/threepid-addresses.ts';
import type { Purpose } from '../../../accounts/threepids/threepid-validation.ts';
import type { Threepids } from '../../../accounts/threepids/threepids.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

interface Needs {
  readonly threepids: Threepids;
}

const common = {
  client_secret: Type.String(),
  send_attempt: Type.Integer({ maximum: 1_000_000 }),
  next_link: Type.Optional(Type.String()),
};

/** A mail address asks for a token: for an account, for registration, or for a new password. */
function emailToken(id: string, path: string, purpose: Purpose) {
  return endpoint(
    {
      id,
      spec: `client-server-api/#post_matrixclientv3${path.replace(/\W/g, '').toLowerCase()}`,
      method: 'POST',
      paths: clientPaths(path),
      auth: 'none',
      limit: 'login',
      body: Type.Object({ ...common, email: Type.String({ maxLength: 300 }) }),
    },
    async (needs: Needs, { body }) => {
      const { sid } = await needs.threepids.requestToken(purpose, {
        threepid: emailThreepid(body.email),
        clientSecret: body.client_secret,
        sendAttempt: body.send_attempt,
        nextLink: body.next_link,
      });
      return { sid };
    },
  );
}

/** The same with a phone number; the client sends the code to `submit_url`. */
function phoneToken(id: string, path: string, purpose: Purpose) {
  return endpoint(
    {
      id,
      spec: `client-server-api/#post_matrixclientv3${path.replace(/\W/g, '').toLowerCase()}`,
      method: 'POST',
      paths: clientPaths(path),
      auth: 'none',
      limit: 'login',
      body: Type.Object({ ...common, country: Type.String(), phone_number: Type.String() }),
    },
    async (needs: Needs, { body }) => {
      const { sid, submitUrl } = await needs.threepids.requestToken(purpose, {
        threepid: await phoneThreepid(body.country, body.phone_number),
        clientSecret: body.client_secret,
        sendAttempt: body.send_attempt,
        nextLink: body.next_link,
      });
      return { sid, submit_url: submitUrl };
    },
  );
}

/** The six ways to ask for a token. */
export const tokenRequests = [
  emailToken('requestTokenTo3PIDEmail', '/account/3pid/email/requestToken', 'add'),
  phoneToken('requestTokenTo3PIDMSISDN', '/account/3pid/msisdn/requestToken', 'add'),
  emailToken('requestTokenToRegisterEmail', '/register/email/requestToken', 'register'),
  phoneToken('requestTokenToRegisterMSISDN', '/register/msisdn/requestToken', 'register'),
  emailToken('requestTokenToResetPasswordEmail', '/account/password/email/requestToken', 'password'),
  phoneToken('requestTokenToResetPasswordMSISDN', '/account/password/msisdn/requestToken', 'password'),
] as const;
