import { hash, timingSafeEqual } from 'node:crypto';
import type { DeviceId, UserId } from '../../protocol/identifiers.ts';
import * as codesStore from '../../storage/accounts/authorization-codes-store.ts';
import type { AuthorizationCodeRow } from '../../storage/accounts/authorization-codes-store.ts';
import type { Database, Writer } from '../../storage/database.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { tokenHash } from '../token-hash.ts';
import type { AuthorizationRequest } from './authorization-request.ts';
import { OAuthError } from './oauth-error.ts';

/** Milliseconds in which a code has to be redeemed, and for how long after that a second try is noticed. */
const LIFETIME_MS = 60_000;
const REMEMBERED_MS = 3_600_000;

/** What a client hands in with a code. */
export interface CodeRedemption {
  readonly code: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly codeVerifier: string;
}

/** Codes that clients exchange for tokens (RFC 6749, section 4.1; PKCE, RFC 7636). */
export class AuthorizationCodes {
  readonly #database: Database;
  readonly #clock: { now(): number };
  readonly #opaque: (length: number) => string;

  constructor(database: Database, clock: { now(): number }, opaque: (length: number) => string) {
    this.#database = database;
    this.#clock = clock;
    this.#opaque = opaque;
  }

  /** A code for what the user allowed: valid once, for a minute. */
  async issue(request: AuthorizationRequest, userId: UserId): Promise<string> {
    const code = `myc_${this.#opaque(40)}`;
    const now = this.#clock.now();
    const unit = new UnitOfWork();
    codesStore.add(
      unit,
      tokenHash(code),
      {
        client_id: request.client.id,
        user_id: userId,
        device_id: request.deviceId,
        scope: request.scope,
        redirect_uri: request.address.redirectUri,
        code_challenge: request.codeChallenge,
        expires_at: now + LIFETIME_MS,
      },
      now - REMEMBERED_MS,
    );
    await this.#database.commit(unit);
    return code;
  }

  /**
   * What the code stands for. Add `redeem` to the unit that makes the tokens: it fails when another was first.
   *
   * @throws OAuthError invalid_grant.
   * @throws CodeUsedAgain for a code that was redeemed: what came of it has to end.
   */
  async check(given: CodeRedemption): Promise<{
    row: AuthorizationCodeRow;
    redeem: (unit: Writer) => void;
  }> {
    const key = tokenHash(given.code);
    const row = await codesStore.byHash(this.#database, key);
    if (row?.client_id !== given.clientId) throw invalidCode();
    if (row.redirect_uri !== given.redirectUri) {
      throw new OAuthError('invalid_grant', '"redirect_uri" must be the one of the authorization request');
    }
    if (!matches(given.codeVerifier, row.code_challenge)) {
      throw new OAuthError('invalid_grant', '"code_verifier" does not belong to the authorization request');
    }
    if (row.redeemed !== 0) throw new CodeUsedAgain(row.user_id as UserId, row.device_id as DeviceId);
    if (row.expires_at <= this.#clock.now()) throw invalidCode();
    return { row, redeem: (unit) => codesStore.redeem(unit, key) };
  }
}

/** A code came a second time: somebody else may have it (RFC 6749, section 4.1.2). */
export class CodeUsedAgain extends OAuthError {
  readonly userId: UserId;
  readonly deviceId: DeviceId;

  constructor(userId: UserId, deviceId: DeviceId) {
    super('invalid_grant', 'The code was redeemed already: what it was redeemed for has ended');
    this.userId = userId;
    this.deviceId = deviceId;
  }
}

/** 400 invalid_grant. */
export function invalidCode(): OAuthError {
  return new OAuthError('invalid_grant', 'The code is not known, not this client’s, or has expired');
}

function matches(verifier: string, challenge: string): boolean {
  if (!/^[\w.~-]{43,128}$/.test(verifier)) return false;
  return timingSafeEqual(hash('sha256', verifier, 'buffer'), Buffer.from(challenge, 'base64url'));
}
