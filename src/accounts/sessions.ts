import type { Timers } from '../platform/timers.ts';
import type { DeviceId, UserId } from '../protocol/identifiers.ts';
import * as authorizationCodesStore from '../storage/accounts/authorization-codes-store.ts';
import * as browserSessionsStore from '../storage/accounts/browser-sessions-store.ts';
import * as deviceAuthorizationsStore from '../storage/accounts/device-authorizations-store.ts';
import * as devicesStore from '../storage/accounts/devices-store.ts';
import type { Database, Writer } from '../storage/database.ts';
import { commitOrRefuse } from '../storage/guarded-commit.ts';
import * as tokensStore from '../storage/accounts/tokens-store.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';
import type { Assertion, Session } from '../wire/session.ts';
import type { Appservices } from './application-services/appservices.ts';
import { assertNoCrossSigningKey } from './device-ids.ts';
import { DeviceSightings } from './device-sightings.ts';
import type { MacaroonTokens } from './macaroon-tokens.ts';
import { assertMayOpen } from './may-open.ts';
import { SessionCache, type CachedSession } from './session-cache.ts';
import { tokenHash } from './token-hash.ts';
import { TokenIssuing, unknownToken, type OpenedSession, type TokenForm } from './token-issuing.ts';

export type { OpenedSession, TokenForm };

/** Where a device was seen is written down at most this often. */
const SEEN_EVERY_MS = 60_000;
/** A refresh token whose successor was used: see the tokens' store. */
const SPENT = 2;
/** Characters kept of the name that a client gives its device. */
const MAX_NAME = 100;

/** Access and refresh tokens, and the devices they belong to (Client-Server API, "Client authentication"). */
export class Sessions {
  readonly #database: Database;
  readonly #clock: { now(): number };
  readonly #opaque: (length: number) => string;
  readonly #appservices: Appservices;
  readonly #tokens: TokenIssuing;
  readonly #cache: SessionCache;
  readonly #sightings: DeviceSightings;

  constructor(needs: {
    database: Database;
    clock: { now(): number };
    timers: Timers;
    opaque: (length: number) => string;
    /** Milliseconds that an access token with a refresh token is valid. */
    accessTokenLifetimeMs: number;
    appservices: Appservices;
    macaroons: MacaroonTokens;
  }) {
    this.#database = needs.database;
    this.#clock = needs.clock;
    this.#opaque = needs.opaque;
    this.#appservices = needs.appservices;
    this.#tokens = new TokenIssuing(needs);
    this.#sightings = new DeviceSightings(needs.database, needs.timers);
    this.#cache = new SessionCache(needs.database);
  }

  /**
   * Whoever the token stands for.
   *
   * @param asserted whom an application service acts as; ignored for everybody else.
   * @throws MatrixError 401 M_UNKNOWN_TOKEN, with `soft_logout` when the token expired and can be refreshed.
   */
  async authenticate(
    token: string,
    from: { ip: string; userAgent: string },
    asserted: Assertion,
  ): Promise<Session> {
    const service = this.#appservices.byToken(token);
    if (service) return this.#appservices.session(service, asserted);
    const known = await this.#cache.get(token, () => this.#read(token));
    const now = this.#clock.now();
    if (known.expiresAt !== undefined && known.expiresAt <= now) {
      throw unknownToken('The access token has expired: refresh it', true);
    }
    if (now - known.seenAt >= SEEN_EVERY_MS) this.#noteSeen(known, now, from);
    return known.session;
  }

  /**
   * Opens a session on a device, which is made or taken over; the device's earlier tokens end. Of the name of a new one the
   * first 100 characters are kept; one that is taken over keeps its own, which its user may have given it.
   *
   * @throws MatrixError 403 M_FORBIDDEN for a device ID that is a cross-signing key of the user's.
   */
  async open(
    unit: Writer,
    wishes: {
      userId: UserId;
      deviceId: DeviceId | undefined;
      displayName: string | undefined;
      form: TokenForm;
      /** The OAuth client that the session is for; none for one of the legacy API. */
      oauthClient?: string;
    },
  ): Promise<OpenedSession> {
    const { userId, oauthClient } = wishes;
    const deviceId = wishes.deviceId ?? (this.#opaque(10).toUpperCase() as DeviceId);
    if (wishes.deviceId !== undefined) {
      await assertNoCrossSigningKey(this.#database, userId, deviceId);
      devicesStore.dropTokens(unit, userId, deviceId);
    }
    const name = wishes.displayName?.slice(0, MAX_NAME).toWellFormed();
    devicesStore.addUnlessThere(unit, userId, deviceId, name);
    return this.#tokens.issue(unit, { userId, deviceId, oauthClient }, wishes.form);
  }

  /**
   * Exchanges a refresh token for a new pair. The old one stays valid until either of the new pair is used
   * (Client-Server API, "Refreshing access tokens"). Tokens of the legacy API and of OAuth clients are refreshed only by
   * whom they were given to.
   *
   * @param oauthClient the OAuth client that asks; undefined in the legacy API.
   * @throws MatrixError 401 M_UNKNOWN_TOKEN, M_USER_LOCKED.
   */
  async refresh(refreshToken: string, oauthClient?: string): Promise<OpenedSession> {
    const { hash } = this.#tokens.keyOf(refreshToken, 'refresh');
    const row = await tokensStore.refresh(this.#database, hash);
    if (!row || (row.client_id ?? undefined) !== oauthClient || row.replaced === SPENT) {
      throw unknownToken('The refresh token is not known', false);
    }
    assertMayOpen(row);
    const [userId, deviceId] = [row.user_id as UserId, row.device_id as DeviceId];
    const unit = new UnitOfWork();
    tokensStore.replaceRefresh(unit, hash, userId, deviceId);
    const opened = this.#tokens.issue(unit, { userId, deviceId, oauthClient }, 'refreshable');
    await this.#replaceAccess(unit, opened);
    return opened;
  }

  /**
   * Exchanges a refresh token as 2015 had it: it is used up at once, and the new pair is of macaroons.
   *
   * @throws MatrixError 401 M_UNKNOWN_TOKEN, M_USER_LOCKED.
   */
  async refreshOnce(refreshToken: string): Promise<OpenedSession> {
    const { hash } = this.#tokens.keyOf(refreshToken, 'refresh');
    const row = await tokensStore.refresh(this.#database, hash);
    if (row?.client_id !== null) throw unknownToken('The refresh token is not known', false);
    assertMayOpen(row);
    const unit = new UnitOfWork();
    tokensStore.useRefresh(unit, hash);
    const owner = { userId: row.user_id as UserId, deviceId: row.device_id as DeviceId };
    const opened = this.#tokens.issue(unit, { ...owner, oauthClient: undefined }, 'macaroon');
    await this.#replaceAccess(unit, opened);
    return opened;
  }

  /**
   * The device that an access or refresh token belongs to, whether the token is still good or not. Undefined for a token
   * that is not known.
   */
  async ownerOf(
    token: string,
  ): Promise<{ userId: UserId; deviceId: DeviceId; isSpent: boolean } | undefined> {
    const hash = tokenHash(token);
    const access = await tokensStore.access(this.#database, hash);
    const refresh = access ? undefined : await tokensStore.refresh(this.#database, hash);
    const row = access ?? refresh;
    if (!row) return undefined;
    const isSpent = refresh?.replaced === SPENT;
    return { userId: row.user_id as UserId, deviceId: row.device_id as DeviceId, isSpent };
  }

  /** Ends a device: its tokens and the device itself. */
  end(unit: Writer, userId: UserId, deviceId: DeviceId): void {
    devicesStore.remove(unit, userId, deviceId);
    this.announce(unit, userId);
  }

  /**
   * Ends all of the user's devices, but for one if it is given, with what was granted and would open others, and signs the user
   * out of every browser.
   */
  endAll(unit: Writer, userId: UserId, keep: DeviceId | undefined): void {
    this.endBrowsers(unit, userId);
    authorizationCodesStore.removeAll(unit, userId);
    deviceAuthorizationsStore.removeAll(unit, userId);
    tokensStore.dropLogins(unit, userId);
    devicesStore.removeAll(unit, userId, keep);
    this.announce(unit, userId);
  }

  /** Signs the user out of every browser. */
  endBrowsers(unit: Writer, userId: UserId): void {
    browserSessionsStore.removeAll(unit, userId);
  }

  /** Tells every process that sessions of the user changed. */
  announce(unit: Writer, userId: UserId): void {
    unit.announce({ topic: 'session', position: unit.position(), users: [userId] });
  }

  /** Writes down where devices were seen last. Resolves when it is on disk. */
  flush(): Promise<void> {
    return this.#sightings.flush();
  }

  /** The device's earlier access tokens end with the unit that makes a new one. */
  async #replaceAccess(unit: UnitOfWork, { userId, deviceId, accessToken }: OpenedSession): Promise<void> {
    tokensStore.dropOtherAccess(unit, userId, deviceId, this.#tokens.keyOf(accessToken, 'access').hash);
    this.announce(unit, userId);
    await commitOrRefuse(this.#database, unit, () => unknownToken('The refresh token was revoked', false));
  }

  async #read(token: string): Promise<CachedSession> {
    const { hash, validUntil } = this.#tokens.keyOf(token, 'access');
    const row = await tokensStore.access(this.#database, hash);
    if (!row || row.deactivated !== 0) throw unknownToken('The access token is not known', false);
    if (row.has_replaced !== 0) {
      const unit = new UnitOfWork();
      tokensStore.spendReplacedRefresh(unit, row.user_id as UserId, row.device_id as DeviceId, hash);
      await this.#database.commit(unit);
    }
    return {
      session: {
        userId: row.user_id as UserId,
        deviceId: row.device_id as DeviceId,
        deviceMadeAt: row.made_at,
        isGuest: row.is_guest !== 0,
        isAdmin: row.is_admin !== 0,
        isLocked: row.locked !== 0,
        isSuspended: row.suspended !== 0,
        tokenId: `${row.user_id}/${row.device_id}`,
        appserviceId: undefined,
        isRateLimited: true,
        oauthClient: row.client_id ?? undefined,
      },
      expiresAt: earliest(row.expires_at ?? undefined, validUntil),
      seenAt: 0,
    };
  }

  #noteSeen(known: CachedSession, now: number, from: { ip: string; userAgent: string }): void {
    known.seenAt = now;
    const { userId, deviceId } = known.session;
    if (deviceId !== undefined) this.#sightings.note({ userId, deviceId, at: now, ...from });
  }
}

function earliest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}
