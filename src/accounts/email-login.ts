import type { UserId } from '../protocol/identifiers.ts';
import { forbidden, MatrixError } from '../protocol/matrix-error.ts';
import * as usersStore from '../storage/accounts/users-store.ts';
import type { Database } from '../storage/database.ts';
import { commitOrRefuse } from '../storage/guarded-commit.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';
import { assertMayOpen } from './may-open.ts';
import type { Sessions, OpenedSession } from './sessions.ts';
import { emailThreepid } from './threepids/threepid-addresses.ts';
import type { Purpose, SessionName, ThreepidValidation } from './threepids/threepid-validation.ts';
import type { Threepids } from './threepids/threepids.ts';

/** How somebody shows that they read a mail. */
export type EmailLoginKind = 'login-code' | 'login-link';

/** Logging in by a mail, as 2015 had it ("Email-based (code)", "Email-based (url)"). */
export class EmailLogin {
  readonly #needs: EmailLoginNeeds;

  constructor(needs: EmailLoginNeeds) {
    this.#needs = needs;
  }

  /**
   * Sends a mail to an address of a user; gives the session. Nothing tells whether the address is theirs: then nobody gets a
   * mail.
   */
  async begin(kind: EmailLoginKind, userId: UserId | undefined, address: string): Promise<string> {
    const { threepids, validation, opaque } = this.#needs;
    const threepid = emailThreepid(address);
    const isTheirs = userId !== undefined && (await threepids.owner(threepid)) === userId;
    const clientSecret = opaque(32);
    const wishes = { threepid, clientSecret, sendAttempt: 1, nextLink: undefined };
    const { sid } = await validation.begin(kind, wishes, isTheirs ? 'hidden' : 'silent');
    return `${sid}.${clientSecret}`;
  }

  /** Takes the code of a mail. 403 for a wrong one. */
  async submit(session: string, code: string): Promise<void> {
    try {
      await this.#needs.validation.submit(nameOf(session), code.trim());
    } catch (error) {
      throw error instanceof MatrixError ? forbidden(error.message) : error;
    }
  }

  /**
   * Logs in who opened the link of a mail or gave its code.
   *
   * @throws MatrixError 401 M_UNAUTHORIZED while that is not done, M_USER_LOCKED, 403 M_FORBIDDEN for an unknown session.
   */
  async finish(kind: EmailLoginKind, session: string): Promise<OpenedSession> {
    const { database, threepids, validation, sessions } = this.#needs;
    const name = nameOf(session);
    const userId = await threepids.owner(await this.#proven(kind, name));
    if (userId === undefined) throw forbidden('No account here has this address');
    assertMayOpen(await usersStore.byId(database, userId));
    const unit = new UnitOfWork();
    validation.consume(unit, name.sid);
    const wishes = { userId, deviceId: undefined, displayName: undefined, form: 'macaroon' } as const;
    const opened = await sessions.open(unit, wishes);
    sessions.announce(unit, userId);
    await commitOrRefuse(database, unit, () => forbidden('This mail was used already'));
    return opened;
  }

  async #proven(purpose: Purpose, name: SessionName) {
    try {
      return await this.#needs.validation.proven(purpose, name);
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error;
      if (error.errcode !== 'M_THREEPID_AUTH_FAILED') throw forbidden(error.message);
      throw new MatrixError(401, 'M_UNAUTHORIZED', 'The mail has not been answered yet');
    }
  }
}

interface EmailLoginNeeds {
  readonly database: Database;
  readonly threepids: Threepids;
  readonly validation: ThreepidValidation;
  readonly sessions: Sessions;
  readonly opaque: (length: number) => string;
}

function nameOf(session: string): SessionName {
  const [sid = '', clientSecret = ''] = session.split('.', 2);
  return { sid, clientSecret };
}
