import { Type } from 'typebox';
import type { EmailLogin, EmailLoginKind } from '../../../accounts/email-login.ts';
import { userOfIdentifier } from '../../../accounts/login-identifier.ts';
import type { Login } from '../../../accounts/login.ts';
import { OAUTH2_LOGIN_PATH, type SingleSignOn } from '../../../accounts/sso/single-sign-on.ts';
import type { ThreepidValidation } from '../../../accounts/threepids/threepid-validation.ts';
import type { ServerName } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { badJson, MatrixError } from '../../../protocol/matrix-error.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import { V1 } from '../legacy-paths.ts';
import { CODES_OF_2015 } from '../old-form.ts';
import { legacySessionBody } from './legacy-session-body.ts';

const EMAIL: Readonly<Record<string, EmailLoginKind>> = {
  'm.login.email.code': 'login-code',
  'm.login.email.url': 'login-link',
};

/** GET /api/v1/login */
export const legacyLoginFlows = endpoint(
  { id: 'get_login_info', method: 'GET', paths: [`${V1}/login`], auth: 'none' },
  (needs: { validation: ThreepidValidation; singleSignOn: SingleSignOn }) => {
    const types = ['m.login.password', 'm.login.token'];
    if (needs.validation.canSend('email')) types.push(...Object.keys(EMAIL));
    if (needs.singleSignOn.providers.length > 0) types.push('m.login.oauth2');
    return { flows: types.map((type) => ({ type })) };
  },
);

/** POST /api/v1/login */
export const legacyLogin = endpoint(
  {
    id: 'login_v1',
    method: 'POST',
    paths: [`${V1}/login`],
    auth: 'none',
    limit: 'login',
    codes: CODES_OF_2015,
    body: Type.Object({
      type: Type.String(),
      user: Type.Optional(Type.String()),
      password: Type.Optional(Type.String()),
      token: Type.Optional(Type.String()),
      txn_id: Type.Optional(Type.String({ maxLength: 500 })),
      email: Type.Optional(Type.String()),
      session: Type.Optional(Type.String()),
      code: Type.Optional(Type.String()),
    }),
  },
  async (needs: { login: Login; emailLogin: EmailLogin; serverName: ServerName }, { body, baseUrl }) => {
    if (body.type === 'm.login.oauth2') return { uri: baseUrl + OAUTH2_LOGIN_PATH };
    const kind = Object.hasOwn(EMAIL, body.type) ? EMAIL[body.type] : undefined;
    // Login has one more type today, which this path never had.
    if (body.type === 'm.login.application_service')
      throw new MatrixError(400, 'M_UNKNOWN', '"type" must be one of those that GET /login lists');
    if (kind === undefined)
      return legacySessionBody(await needs.login.login(body as JsonObject, undefined, 'macaroon'));
    if (body.session === undefined) {
      if (body.user === undefined || body.email === undefined)
        throw badJson('"user" and "email" must be given');
      const userId = userOfIdentifier({ type: 'm.id.user', user: body.user }, needs.serverName);
      return { type: body.type, session: await needs.emailLogin.begin(kind, userId, body.email) };
    }
    if (kind === 'login-code') await needs.emailLogin.submit(body.session, body.code ?? '');
    return legacySessionBody(await needs.emailLogin.finish(kind, body.session));
  },
);
