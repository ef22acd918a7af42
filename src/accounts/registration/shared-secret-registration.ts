import { createHmac, timingSafeEqual } from 'node:crypto';
import { boundedCache } from '../../platform/bounded-cache.ts';
import { badJson, forbidden, invalidParam, MatrixError } from '../../protocol/matrix-error.ts';
import type { NewAccounts } from './new-accounts.ts';
import type { OpenedSession } from '../sessions.ts';

/** What a client sends to register with the shared secret. */
export interface SecretRegistration {
  readonly nonce: string;
  readonly username: string;
  readonly password: string;
  readonly admin: boolean;
  /** Not covered by the HMAC. */
  readonly displayName: string | undefined;
  readonly userType: string | undefined;
  /** Hexadecimal HMAC-SHA1 of nonce, user name, password and role, NUL between them. */
  readonly mac: string;
}

const NONCE_LIFETIME_MS = 60_000;
const USER_TYPES = ['bot', 'support'];

/** Registration by whoever knows a secret of the configuration, as administration tools do it. */
export class SharedSecretRegistration {
  readonly #accounts: NewAccounts;
  readonly #secret: string | undefined;
  readonly #opaque: (length: number) => string;
  readonly #clock: { now(): number };
  readonly #used = boundedCache<string, true>(10_000, NONCE_LIFETIME_MS);

  constructor(
    accounts: NewAccounts,
    secret: string | undefined,
    needs: { opaque: (length: number) => string; clock: { now(): number } },
  ) {
    this.#accounts = accounts;
    this.#secret = secret;
    this.#opaque = needs.opaque;
    this.#clock = needs.clock;
  }

  /**
   * A nonce for one registration within a minute, at any process that has the secret. 404 where no secret is set.
   */
  nonce(): string {
    const secret = this.#secretOrRefuse();
    const text = `${this.#opaque(32)}.${this.#clock.now() + NONCE_LIFETIME_MS}`;
    return `${text}.${seal(secret, text)}`;
  }

  /** Makes the account and a session on it. */
  async register(asked: SecretRegistration): Promise<OpenedSession> {
    const secret = this.#secretOrRefuse();
    assertUnambiguous(asked);
    this.#assertFresh(secret, asked.nonce);
    const parts = [asked.nonce, asked.username, asked.password, asked.admin ? 'admin' : 'notadmin'];
    if (asked.userType !== undefined) parts.push(asked.userType);
    const expected = createHmac('sha1', secret).update(parts.join('\0')).digest('hex');
    if (!sameText(asked.mac.toLowerCase(), expected)) throw forbidden('The HMAC is not right');
    const { username, password, admin, displayName } = asked;
    const userId = await this.#accounts.createUser(username, password, admin, displayName);
    return this.#accounts.openSession(userId);
  }

  /** A nonce is used once at each process; at another the user name would be taken. */
  #assertFresh(secret: string, nonce: string): void {
    const [opaque = '', expires = '', given = ''] = nonce.split('.');
    const isOurs = sameText(given, seal(secret, `${opaque}.${expires}`));
    if (!isOurs || Number(expires) < this.#clock.now() || this.#used.has(nonce))
      throw badJson('The nonce is not known: get one first, and use it once');
    this.#used.set(nonce, true);
  }

  #secretOrRefuse(): string {
    if (this.#secret !== undefined) return this.#secret;
    throw new MatrixError(404, 'M_UNRECOGNIZED', 'Registration with a shared secret is not switched on');
  }
}

/**
 * NUL stands between the parts that the code is made of. With NUL inside of a part, or with a role as user type, two
 * requests could have one code: that of a user would make an administrator.
 */
function assertUnambiguous({ username, password, userType }: SecretRegistration): void {
  if (username.includes('\0') || password.includes('\0')) {
    throw invalidParam('The user name and the password must not hold the character NUL');
  }
  if (userType !== undefined && !USER_TYPES.includes(userType)) {
    throw invalidParam(`"user_type" must be one of ${USER_TYPES.join(', ')}`);
  }
}

/** What only a server with the secret could write under a nonce. */
function seal(secret: string, text: string): string {
  return createHmac('sha256', secret).update(`nonce ${text}`).digest('base64url');
}

function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
