import type { DeviceId, UserId } from '../../protocol/identifiers.ts';
import { notFound, type MatrixError } from '../../protocol/matrix-error.ts';
import type { Database, Writer } from '../../storage/database.ts';
import { commitOrRefuse } from '../../storage/guarded-commit.ts';
import * as authorizationsStore from '../../storage/accounts/device-authorizations-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { tokenHash } from '../token-hash.ts';
import type { OAuthClient, OAuthClients } from './clients.ts';
import { OAuthError } from './oauth-error.ts';
import { parseScope } from './scope.ts';

/** Letters of user codes: none that spell words, none that look like another (RFC 8628, section 6.1). */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
const LETTERS_OF_CODE = 8;
/** How long a user has to type the code, how often the client may ask at first, and what each haste adds, in milliseconds. */
const LIFETIME_MS = 20 * 60_000;
const INTERVAL_MS = 5_000;
const MORE_MS = 5_000;
const MOST_MS = 60_000;
/** A client's clock and the way to the server are not exact. */
const TOLERANCE_MS = 500;

/** What a client gets that asks for a session without a browser. */
export interface StartedAuthorization {
  readonly deviceCode: string;
  /** Such as `WDJB-MJHT`. */
  readonly userCode: string;
  readonly expiresInMs: number;
  readonly intervalMs: number;
}

/** What a user is asked on another device. */
export interface PendingAuthorization {
  readonly client: OAuthClient;
  readonly userCode: string;
  readonly deviceId: string;
}

/** The device authorization grant (RFC 8628). */
export class DeviceAuthorizations {
  readonly #database: Database;
  readonly #clients: OAuthClients;
  readonly #clock: { now(): number };
  readonly #opaque: (length: number) => string;
  readonly #below: (bound: number) => number;

  constructor(needs: {
    database: Database;
    clients: OAuthClients;
    clock: { now(): number };
    opaque: (length: number) => string;
    /** A number from 0 that is below another, which nobody can guess. */
    below: (bound: number) => number;
  }) {
    this.#database = needs.database;
    this.#clients = needs.clients;
    this.#clock = needs.clock;
    this.#opaque = needs.opaque;
    this.#below = needs.below;
  }

  /** @throws OAuthError invalid_client, unauthorized_client or invalid_scope. */
  async start(clientId: string, scopeText: string): Promise<StartedAuthorization> {
    const client = await this.#clients.byId(clientId);
    if (!client.metadata.grant_types.includes('urn:ietf:params:oauth:grant-type:device_code')) {
      throw new OAuthError('unauthorized_client', 'The client did not register for the device code grant');
    }
    const scope = parseScope(scopeText);
    const now = this.#clock.now();
    const deviceCode = `myd_${this.#opaque(40)}`;
    const letters = Array.from({ length: LETTERS_OF_CODE }, () =>
      LETTERS.charAt(this.#below(LETTERS.length)),
    );
    const unit = new UnitOfWork();
    authorizationsStore.add(
      unit,
      tokenHash(deviceCode),
      {
        user_code: letters.join(''),
        client_id: clientId,
        device_id: scope.deviceId,
        scope: scope.text,
        interval_ms: INTERVAL_MS,
        polled_at: 0,
        expires_at: now + LIFETIME_MS,
      },
      now - LIFETIME_MS,
    );
    await this.#database.commit(unit);
    const userCode = `${letters.slice(0, 4).join('')}-${letters.slice(4).join('')}`;
    return { deviceCode, userCode, expiresInMs: LIFETIME_MS, intervalMs: INTERVAL_MS };
  }

  /** What a user code asks for, however it is written. 404 for one that is not known, was answered or has expired. */
  async pending(typed: string): Promise<PendingAuthorization> {
    const userCode = asKept(typed);
    const row = await authorizationsStore.byUserCode(this.#database, userCode);
    if (row?.state !== 'asked' || row.expires_at <= this.#clock.now()) throw unknownCode();
    return { client: await this.#clients.byId(row.client_id), userCode, deviceId: row.device_id };
  }

  /** The user's answer. 404 for a code that was answered or has expired. */
  async decide(typed: string, userId: UserId, isAllowed: boolean): Promise<void> {
    const unit = new UnitOfWork();
    const state = isAllowed ? 'allowed' : 'denied';
    authorizationsStore.decide(unit, asKept(typed), { state, userId }, this.#clock.now());
    await commitOrRefuse(this.#database, unit, () => unknownCode());
  }

  /**
   * What the user allowed. Add `redeem` to the unit that makes the tokens: it fails when another was first.
   *
   * @throws OAuthError authorization_pending, slow_down, access_denied, expired_token or invalid_grant.
   */
  async check(
    deviceCode: string,
    clientId: string,
  ): Promise<{ userId: UserId; deviceId: DeviceId; scope: string; redeem: (unit: Writer) => void }> {
    const key = tokenHash(deviceCode);
    const row = await authorizationsStore.byHash(this.#database, key);
    if (row?.client_id !== clientId) {
      throw new OAuthError('invalid_grant', 'The device code is not known or not this client’s');
    }
    const now = this.#clock.now();
    if (row.expires_at <= now) {
      throw new OAuthError('expired_token', 'The device code has expired: ask for another');
    }
    if (row.state === 'asked') throw await this.#wait(key, row, now);
    if (row.state === 'denied' || row.user_id === null) {
      throw new OAuthError('access_denied', 'The user refused');
    }
    const [userId, deviceId] = [row.user_id as UserId, row.device_id as DeviceId];
    return { userId, deviceId, scope: row.scope, redeem: (unit) => authorizationsStore.redeem(unit, key) };
  }

  async #wait(
    key: Uint8Array,
    row: authorizationsStore.DeviceAuthorizationRow,
    now: number,
  ): Promise<OAuthError> {
    const isHasty = now - row.polled_at < row.interval_ms - TOLERANCE_MS;
    const interval = isHasty ? Math.min(row.interval_ms + MORE_MS, MOST_MS) : row.interval_ms;
    const unit = new UnitOfWork();
    authorizationsStore.poll(unit, key, now, interval);
    await this.#database.commit(unit);
    return isHasty
      ? new OAuthError('slow_down', `Ask every ${interval / 1000} seconds at most`)
      : new OAuthError('authorization_pending', 'The user has not answered yet');
  }
}

function asKept(typed: string): string {
  return typed.toUpperCase().replace(/[^A-Z]/g, '');
}

function unknownCode(): MatrixError {
  return notFound('This code is not known, was used, or has expired');
}
