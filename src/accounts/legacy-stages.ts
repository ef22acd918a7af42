import type { UserId } from '../protocol/identifiers.ts';
import { forbidden, MatrixError } from '../protocol/matrix-error.ts';
import type { Database } from '../storage/database.ts';
import { commitOrRefuse } from '../storage/guarded-commit.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';
import type { Stage } from './interactive-auth.ts';
import type { LoginTokens } from './login-tokens.ts';

/** Stages that interactive authentication had in 2015, and no more. */
export class LegacyStages {
  readonly #database: Database;
  readonly #loginTokens: LoginTokens;
  readonly #hasProviders: boolean;

  constructor(database: Database, loginTokens: LoginTokens, hasProviders: boolean) {
    this.#database = database;
    this.#loginTokens = loginTokens;
    this.#hasProviders = hasProviders;
  }

  /** How a user could prove who they are in 2015. */
  of(userId: UserId, baseUrl: string): Stage[] {
    return [this.token(userId), ...(this.#hasProviders ? [oauth2Stage(baseUrl)] : [])];
  }

  /** `m.login.token`: a login token, good for one transaction. */
  token(userId: UserId): Stage {
    return {
      type: 'm.login.token',
      check: async ({ user, token, txn_id: txnId }) => {
        if (typeof user !== 'string' || typeof token !== 'string' || typeof txnId !== 'string') {
          throw new MatrixError(
            400,
            'M_MISSING_PARAM',
            '"user", "token" and "txn_id" must be given in "auth"',
          );
        }
        const unit = new UnitOfWork();
        const taken = await this.#loginTokens.take(unit, { token, user, txnId });
        if (taken.userId !== userId) throw forbidden('The login token is not this user’s');
        await commitOrRefuse(this.#database, unit, () => forbidden('The login token was used already'));
        return {};
      },
    };
  }
}

/** `m.login.oauth2`: a page on which one chooses the service to sign in with; the client goes on with the session alone. */
export function oauth2Stage(baseUrl: string): Stage {
  return {
    type: 'm.login.oauth2',
    paramsFor: (session) => ({
      uri: `${baseUrl}/_matrix/client/v2_alpha/auth/m.login.oauth2/fallback/web?session=${session}`,
    }),
    check: () =>
      Promise.reject(
        new MatrixError(401, 'M_UNAUTHORIZED', 'Open the page of this stage, and sign in there'),
      ),
  };
}
