import type { Threepid } from '../../accounts/threepids/threepid-addresses.ts';
import type { SessionName, ThreepidValidation } from '../../accounts/threepids/threepid-validation.ts';
import type { UserId } from '../../protocol/identifiers.ts';
import { signedAssociation, type Association } from '../../protocol/identity/signed-statements.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { forbidden, MatrixError } from '../../protocol/matrix-error.ts';
import type { SigningKey } from '../../protocol/signing.ts';
import * as store from '../../storage/identity/associations-store.ts';
import { commitDecided } from '../../storage/commit-decided.ts';
import type { Database, Reader } from '../../storage/database.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { LookupPeppers } from './lookup-peppers.ts';
import type { WaitingInvites } from './waiting-invites.ts';

/** For how long an association is said to hold: a hundred years, until it is taken back. */
const VALID_MS = 100 * 365 * 86_400_000;

/** Whose addresses and phone numbers are (Identity Service API, "Establishing associations"). */
export class Associations {
  readonly #database: Database;
  readonly #validation: ThreepidValidation;
  readonly #peppers: LookupPeppers;
  readonly #waiting: WaitingInvites;
  readonly #name: string;
  readonly #key: SigningKey;
  readonly #clock: { now(): number };

  constructor(needs: {
    database: Database;
    validation: ThreepidValidation;
    peppers: LookupPeppers;
    waiting: WaitingInvites;
    name: string;
    key: SigningKey;
    clock: { now(): number };
  }) {
    this.#database = needs.database;
    this.#validation = needs.validation;
    this.#peppers = needs.peppers;
    this.#waiting = needs.waiting;
    this.#name = needs.name;
    this.#key = needs.key;
    this.#clock = needs.clock;
  }

  /**
   * What a session has proven.
   *
   * @throws MatrixError 404 M_NO_VALID_SESSION, 400 M_SESSION_EXPIRED, M_SESSION_NOT_VALIDATED.
   */
  async validated(session: SessionName): Promise<{ threepid: Threepid; validatedAt: number }> {
    const progress = await this.#validation.progress('bind', session);
    switch (progress.state) {
      case 'proven':
        return progress;
      case 'open':
        throw new MatrixError(
          400,
          'M_SESSION_NOT_VALIDATED',
          'The token that was sent has not been used yet',
        );
      case 'expired':
        throw new MatrixError(400, 'M_SESSION_EXPIRED', 'The validation session has expired: begin another');
      case 'unknown':
        throw new MatrixError(404, 'M_NO_VALID_SESSION', 'There is no session of this ID and client secret');
    }
  }

  /**
   * Says that what a session has proven belongs to a user; the user's homeserver is told of invitations that wait for it.
   *
   * @returns the association, signed.
   * @throws MatrixError as `validated`.
   */
  async bind(mxid: UserId, session: SessionName): Promise<JsonObject> {
    const { threepid } = await this.validated(session);
    const ts = this.#clock.now();
    const association = { ...threepid, mxid, ts, notBefore: ts, notAfter: ts + VALID_MS };
    await commitDecided(this.#database, (reader) => this.#unitOf(reader, association));
    await this.#waiting.tell(threepid);
    return signedAssociation(association, this.#name, this.#key);
  }

  /** Forgets whose an identifier is. Who asks for that must have been known to be allowed to. */
  async unbind(mxid: UserId, { medium, address }: Threepid): Promise<void> {
    const unit = new UnitOfWork();
    store.remove(unit, medium, address, mxid);
    await this.#database.commit(unit);
  }

  /**
   * Forgets an identifier that a session has proven.
   *
   * @throws MatrixError as `validated`; 403 M_FORBIDDEN where the session has proven another.
   */
  async unbindProven(mxid: UserId, threepid: Threepid, session: SessionName): Promise<void> {
    const { threepid: proven } = await this.validated(session);
    if (proven.medium !== threepid.medium || proven.address !== threepid.address) {
      throw forbidden('The session has proven another address than "threepid"');
    }
    await this.unbind(mxid, threepid);
  }

  /** The association of an identifier, signed; undefined where there is none. */
  async signed({ medium, address }: Threepid): Promise<JsonObject | undefined> {
    const row = await store.byAddress(this.#database, medium, address);
    if (!row) return undefined;
    const { mxid, ts, not_before: notBefore, not_after: notAfter } = row;
    return signedAssociation({ medium, address, mxid, ts, notBefore, notAfter }, this.#name, this.#key);
  }

  async #unitOf(reader: Reader, association: Association & Threepid): Promise<UnitOfWork> {
    const { medium, address, mxid, ts, notBefore, notAfter } = association;
    const unit = new UnitOfWork();
    const hashes = await this.#peppers.hashesFor(reader, unit, association);
    store.put(unit, { medium, address, mxid, ts, not_before: notBefore, not_after: notAfter }, hashes);
    await this.#waiting.addNotices(reader, unit, association, mxid);
    return unit;
  }
}
