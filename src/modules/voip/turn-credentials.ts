import { createHmac } from 'node:crypto';
import type { UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';

/** Which TURN servers there are, and how to log in to them. */
export interface TurnConfig {
  readonly uris: readonly string[];
  /** Empty where user name and password are the same for everybody. */
  readonly shared_secret: string;
  /** Seconds that credentials are valid. */
  readonly user_lifetime: number;
  readonly username: string;
  readonly password: string;
}

/** Gives clients what they need to relay calls (Client-Server API, "Voice over IP"). */
export class TurnCredentials {
  readonly #config: TurnConfig;
  readonly #clock: { now(): number };

  constructor(config: TurnConfig, clock: { now(): number }) {
    this.#config = config;
    this.#clock = clock;
  }

  /** Credentials for a user; an empty object where no TURN server, or no way to log in to it, is configured. */
  for(userId: UserId): JsonObject {
    const { uris, shared_secret: secret, user_lifetime: ttl, username, password } = this.#config;
    if (uris.length === 0) return {};
    if (secret !== '')
      return { ...temporary(userId, secret, this.#clock.now() / 1000 + ttl), uris: [...uris], ttl };
    if (username === '' || password === '') return {};
    return { username, password, uris: [...uris], ttl };
  }
}

/** Credentials of the TURN REST API: the password is the HMAC-SHA1 of a user name that says when it expires (seconds). */
function temporary(userId: UserId, secret: string, until: number): { username: string; password: string } {
  const username = `${Math.floor(until)}:${userId}`;
  return { username, password: createHmac('sha1', secret).update(username).digest('base64') };
}
