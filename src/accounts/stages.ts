import { isJsonObject } from '../protocol/json.ts';
import { forbidden, MatrixError } from '../protocol/matrix-error.ts';
import { serverNameOf, type UserId } from '../protocol/identifiers.ts';
import type { Database } from '../storage/database.ts';
import * as usersStore from '../storage/accounts/users-store.ts';
import { StageRefused, type Stage } from './interactive-auth.ts';
import { threepidOfIdentifier, userOfIdentifier } from './login-identifier.ts';
import type { Passwords } from './passwords.ts';
import type { RegistrationTokens } from './registration/registration-tokens.ts';
import type { Threepid } from './threepids/threepid-addresses.ts';

/** `m.login.dummy`: proves nothing, always succeeds. */
export const dummyStage: Stage = { type: 'm.login.dummy', check: () => Promise.resolve({}) };

/**
 * `m.login.password`: the password of one user.
 *
 * @param needs.ownerOf whose mail address or phone number something is, if anybody's.
 */
export function passwordStage(
  needs: {
    database: Database;
    passwords: Passwords;
    ownerOf: (threepid: Threepid) => Promise<UserId | undefined>;
  },
  userId: UserId,
  allow: () => void,
): Stage {
  const { database, passwords, ownerOf } = needs;
  return {
    type: 'm.login.password',
    async check(auth) {
      allow();
      const named = isJsonObject(auth.identifier) ? auth.identifier : undefined;
      const identifier = named ?? { type: 'm.id.user', user: auth.user ?? userId };
      const threepid = await threepidOfIdentifier(identifier);
      const claimed = threepid ? await ownerOf(threepid) : userOfIdentifier(identifier, serverNameOf(userId));
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
