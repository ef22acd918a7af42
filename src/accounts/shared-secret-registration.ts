import { createHmac, timingSafeEqual } from 'node:crypto';
import { boundedCache } from '../platform/bounded-cache.ts';
import { badJson, forbidden, invalidParam, MatrixError } from '../protocol/matrix-error.ts';
import type { Registration } from './registration.ts';
import type { OpenedSession } from './sessions.ts';

/** What a client sends to register with the shared secret. */
export interface SecretRegistration {
  readonly nonce: string;
  readonly username: string;
  readonly password: string;
  readonly admin: boolean;
  readonly userType: string | undefined;
  /** Hexadecimal HMAC-SHA1 of nonce, user name, password and role, NUL between them. */
  readonly mac: string;
}

const NONCE_LIFETIME_MS = 60_000;
const USER_TYPES = ['bot', 'support'];

/** Registration by whoever knows a secret of the configuration, as administration tools do it. */
export class SharedSecretRegistration {
  readonly #registration: Registration;
  readonly #secret: string | undefined;
  readonly #opaque: (length: number) => string;
  readonly #nonces = boundedCache<string, true>(10_000, NONCE_LIFETIME_MS);

  constructor(registration: Registration, secret: string | undefined, opaque: (length: number) => string) {
    this.#registration = registration;
    this.#secret = secret;
    this.#opaque = opaque;
  }

  /** A nonce for one registration within a minute. 404 where no secret is set. */
  nonce(): string {
    this.#secretOrRefuse();
    const nonce = this.#opaque(32);
    this.#nonces.set(nonce, true);
    return nonce;
  }

  /** Makes the account and a session on it. */
  async register(asked: SecretRegistration): Promise<OpenedSession> {
    const secret = this.#secretOrRefuse();
    assertUnambiguous(asked);
    if (!this.#nonces.delete(asked.nonce))
      throw badJson('The nonce is not known: get one first, and use it once');
    const parts = [asked.nonce, asked.username, asked.password, asked.admin ? 'admin' : 'notadmin'];
    if (asked.userType !== undefined) parts.push(asked.userType);
    const expected = createHmac('sha1', secret).update(parts.join('\0')).digest();
    const given = Buffer.from(asked.mac, 'hex');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw forbidden('The HMAC is not right');
    }
    const userId = await this.#registration.createUser(asked.username, asked.password, asked.admin);
    return this.#registration.openSession(userId);
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
