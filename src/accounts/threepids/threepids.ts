import type { UserId } from '../../protocol/identifiers.ts';
import { forbidden, MatrixError } from '../../protocol/matrix-error.ts';
import { matchGlob } from '../../protocol/glob.ts';
import type { Database, Writer } from '../../storage/database.ts';
import { commitOrRefuse } from '../../storage/guarded-commit.ts';
import * as store from '../../storage/accounts/threepids-store.ts';
import type { BindingRow, ThreepidRow } from '../../storage/accounts/threepids-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { IdentityAccess, IdentityServers } from '../identity-server.ts';
import { threepidOf, type Threepid } from './threepid-addresses.ts';
import type { Purpose, SessionName, ThreepidValidation, TokenWishes } from './threepid-validation.ts';

/** What a server lets people do with identifiers. */
export interface ThreepidPolicy {
  readonly allowChanges: boolean;
  readonly hideExistence: boolean;
  /** Patterns with `*`; all addresses when there is none. */
  readonly allowedEmails: readonly string[];
}

/** Whether identity servers forgot an identifier. `no-support` also where none of them is known or one refused. */
export type UnbindResult = 'success' | 'no-support';

const MOST = 100;

/** The mail addresses and phone numbers of users ("Adding Account Administrative Contact Information"). */
export class Threepids {
  readonly #database: Database;
  readonly #validation: ThreepidValidation;
  readonly #identity: IdentityServers;
  readonly #policy: ThreepidPolicy;
  readonly #clock: { now(): number };

  constructor(needs: {
    database: Database;
    validation: ThreepidValidation;
    identity: IdentityServers;
    policy: ThreepidPolicy;
    clock: { now(): number };
  }) {
    this.#database = needs.database;
    this.#validation = needs.validation;
    this.#identity = needs.identity;
    this.#policy = needs.policy;
    this.#clock = needs.clock;
  }

  /** The user's identifiers, oldest first. */
  of(userId: UserId): Promise<ThreepidRow[]> {
    return store.ofUser(this.#database, userId);
  }

  /** The user who has an identifier, if there is one. */
  async owner({ medium, address }: Threepid): Promise<UserId | undefined> {
    return (await store.byAddress(this.#database, medium, address))?.user_id as UserId | undefined;
  }

  /**
   * Sends a token to an identifier.
   *
   * @throws MatrixError 403 M_THREEPID_DENIED; 400 M_THREEPID_IN_USE, or for a password M_THREEPID_NOT_FOUND, unless the
   *   server keeps that to itself.
   */
  async requestToken(
    purpose: Purpose,
    wishes: TokenWishes,
  ): Promise<{ sid: string; submitUrl: string | undefined }> {
    const { threepid } = wishes;
    if (purpose === 'add') this.#assertChangesAllowed();
    if (purpose !== 'password') this.#assertTaken(threepid);
    const isKnown = (await this.owner(threepid)) !== undefined;
    const isUseless = isKnown !== (purpose === 'password');
    const { hideExistence } = this.#policy;
    if (hideExistence) return this.#validation.begin(purpose, wishes, isUseless ? 'silent' : 'hidden');
    if (isUseless) {
      throw isKnown
        ? inUse()
        : new MatrixError(400, 'M_THREEPID_NOT_FOUND', 'No account here has this address');
    }
    return this.#validation.begin(purpose, wishes);
  }

  /**
   * Adds what a session has proven, here or at an identity server whose word is taken.
   *
   * @throws MatrixError 400 M_THREEPID_IN_USE, M_NO_VALID_SESSION, M_THREEPID_AUTH_FAILED; 403 of the identity server.
   */
  async add(userId: UserId, name: SessionName, idServer?: string): Promise<Threepid> {
    this.#assertChangesAllowed();
    const proven = await this.#validation.proven('add', name, idServer);
    const { medium, address, validatedAt } = proven;
    const threepid = { medium, address };
    if ((await this.of(userId)).length >= MOST) throw forbidden(`An account has at most ${MOST} addresses`);
    const unit = new UnitOfWork();
    this.put(unit, userId, { ...threepid, validatedAt });
    if (!proven.isElsewhere) this.#validation.consume(unit, name.sid);
    await commitOrRefuse(this.#database, unit, () => inUse());
    return threepid;
  }

  /** Gives a proven identifier to a user within a unit of work, which fails when another has it. */
  put(unit: UnitOfWork, userId: UserId, proven: Threepid & { validatedAt: number }): void {
    const { medium, address, validatedAt } = proven;
    const row = { medium, address, user_id: userId, validated_at: validatedAt, added_at: this.#clock.now() };
    store.add(unit, row);
  }

  /** Has an identity server tell others whose the identifier of a session there is. */
  async bind(userId: UserId, access: IdentityAccess, name: SessionName): Promise<void> {
    const bound = await this.#identity.bind(access, name, userId);
    const { medium, address } = threepidOf(bound.medium, bound.address);
    const unit = new UnitOfWork();
    store.addBinding(unit, { user_id: userId, medium, address, id_server: access.idServer });
    await this.#database.commit(unit);
  }

  /**
   * Has identity servers forget an identifier: the one that is named, or those at which it was bound; `no-support` where none
   * is named and none is known.
   */
  async unbind(userId: UserId, threepid: Threepid, idServer: string | undefined): Promise<UnbindResult> {
    const bound = await store.bindingsOf(this.#database, userId);
    const same = bound.filter(
      ({ medium, address }) => medium === threepid.medium && address === threepid.address,
    );
    if (idServer === undefined) return same.length === 0 ? 'no-support' : this.#unbindAll(same);
    return this.#unbindAll([{ user_id: userId, ...threepid, id_server: idServer }]);
  }

  /** Takes an identifier from the user, and has identity servers forget it. */
  async remove(userId: UserId, threepid: Threepid, idServer: string | undefined): Promise<UnbindResult> {
    this.#assertChangesAllowed();
    const result = await this.unbind(userId, threepid, idServer);
    const unit = new UnitOfWork();
    store.remove(unit, userId, threepid.medium, threepid.address);
    await this.#database.commit(unit);
    return result;
  }

  /** Takes all identifiers from a user within the unit of work that closes the account. */
  release(unit: Writer, userId: UserId): void {
    store.removeAllOf(unit, userId);
  }

  /**
   * Has identity servers forget the user's identifiers: all of them at the one that is named, else those that were bound through
   * this server, where they were.
   *
   * @param had what the user had before the account was closed.
   */
  async unbindAllOf(
    userId: UserId,
    idServer: string | undefined,
    had: readonly ThreepidRow[] = [],
  ): Promise<UnbindResult> {
    const bound = await store.bindingsOf(this.#database, userId);
    if (idServer === undefined) return this.#unbindAll(bound);
    const all = new Map([...had, ...bound].map((row) => [`${row.medium} ${row.address}`, row]));
    return this.#unbindAll(
      [...all.values()].map(({ medium, address }) => ({
        ...{ user_id: userId, medium, address, id_server: idServer },
      })),
    );
  }

  /** Notes, in the unit of work that closes the account, that the user asked to be erased. */
  markErased(unit: Writer, userId: UserId): void {
    store.markErased(unit, userId, this.#clock.now());
  }

  async #unbindAll(rows: readonly BindingRow[]): Promise<UnbindResult> {
    let result: UnbindResult = 'success';
    const unit = new UnitOfWork();
    for (const row of rows) {
      const threepid = threepidOf(row.medium, row.address);
      if (await this.#identity.unbind(row.id_server, row.user_id as UserId, threepid)) {
        store.forgetBinding(unit, row);
      } else {
        result = 'no-support';
      }
    }
    if (rows.length > 0) await this.#database.commit(unit);
    return result;
  }

  #assertChangesAllowed(): void {
    if (!this.#policy.allowChanges) throw forbidden('Addresses cannot be changed on this server');
  }

  #assertTaken({ medium, address }: Threepid): void {
    const { allowedEmails } = this.#policy;
    if (medium !== 'email' || allowedEmails.length === 0) return;
    if (allowedEmails.some((pattern) => matchGlob(pattern.toLowerCase(), address))) return;
    throw new MatrixError(403, 'M_THREEPID_DENIED', 'This server does not take addresses of this kind');
  }
}

function inUse(): MatrixError {
  return new MatrixError(400, 'M_THREEPID_IN_USE', 'This address belongs to an account already');
}
