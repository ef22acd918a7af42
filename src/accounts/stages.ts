import { isJsonObject } from '../protocol/json.ts';
import { forbidden, MatrixError } from '../protocol/matrix-error.ts';
import type { UserId } from '../protocol/identifiers.ts';
import type { Database } from '../storage/database.ts';
import * as usersStore from '../storage/accounts/users-store.ts';
import { StageRefused, type Stage } from './interactive-auth.ts';
import { userOfIdentifier } from './login-identifier.ts';
import type { Passwords } from './passwords.ts';
import type { RegistrationTokens } from './registration/registration-tokens.ts';

/** `m.login.dummy`: proves nothing, always succeeds. */
export const dummyStage: Stage = { type: 'm.login.dummy', check: () => Promise.resolve({}) };

/** `m.login.password`: the password of one user. */
export function passwordStage(
  database: Database,
  passwords: Passwords,
  userId: UserId,
  allow: () => void,
): Stage {
  return {
    type: 'm.login.password',
    async check(auth) {
      allow();
      const named = isJsonObject(auth.identifier) ? auth.identifier : undefined;
      const identifier = named ?? { type: 'm.id.user', user: auth.user ?? userId };
      const claimed = userOfIdentifier(identifier, userId.slice(userId.indexOf(':') + 1));
      if (claimed !== userId) throw new StageRefused('This is not the user whose session it is');
      if (typeof auth.password !== 'string') {
        throw new MatrixError(400, 'M_MISSING_PARAM', '"password" must be given in "auth"');
      }
      const user = await usersStore.byId(database, userId);
      if (!(await passwords.matches(auth.password, user?.password_hash)))
        throw forbidden('The password is wrong');
      return {};
    },
  };
}

/**
 * `m.login.sso`: completed on its fallback page, by a service that the user signs in with, or, as this server is such a
 * service itself, by the password.
 */
export function ssoStage(byPassword: Stage): Stage {
  return { type: 'm.login.sso', check: (auth) => byPassword.check(auth) };
}

/** `m.login.registration_token`: a token that the administrator gave out. */
export function registrationTokenStage(tokens: RegistrationTokens): Stage {
  return {
    type: 'm.login.registration_token',
    async check(auth) {
      const { token } = auth;
      if (typeof token !== 'string') {
        throw new MatrixError(400, 'M_MISSING_PARAM', '"token" must be given in "auth"');
      }
      if (!(await tokens.isUsable(token))) {
        throw new MatrixError(401, 'M_UNAUTHORIZED', 'The registration token is not valid');
      }
      return { token };
    },
  };
}
