import type { DeviceId, UserId } from '../protocol/identifiers.ts';

/** Whom a request of an application service acts as, by its query string; its own user if it names none. */
export interface Assertion {
  readonly userId: string | undefined;
  readonly deviceId: string | undefined;
}

/** Whoever a request's access token stands for. */
export interface Session {
  readonly userId: UserId;
  /** Absent for an application service acting without a device. */
  readonly deviceId: DeviceId | undefined;
  /** Position in the log at which the device was made: a later device of the same ID has another. 0 without a device. */
  readonly deviceMadeAt: number;
  readonly isGuest: boolean;
  readonly isAdmin: boolean;
  /** Whether an administrator locked the account: nothing but logging out is left to it. */
  readonly isLocked: boolean;
  /** Whether an administrator suspended the account: it may look, but not take part. */
  readonly isSuspended: boolean;
  /** Identifies the access token (never the token itself); transaction ids are scoped to the device. */
  readonly tokenId: string;
  /** The application service that asks, if one does. */
  readonly appserviceId: string | undefined;
  /** Whether limits on how often one may ask apply. */
  readonly isRateLimited: boolean;
  /** The OAuth client that the access token was given to; undefined for one of the legacy API. */
  readonly oauthClient: string | undefined;
}

/** Whoever an access token of the identity service stands for. */
export interface IdentityAccount {
  readonly userId: UserId;
  /** SHA-256 of the token. */
  readonly tokenHash: Buffer;
}
