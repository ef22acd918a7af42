import { MatrixError } from './matrix-error.ts';

/** What differs between room versions, as data (specification: Room Versions 1 to 12). */
export interface RoomVersion {
  readonly id: string;
  /** How an event gets its ID: chosen by the server (1, 2), or the reference hash in plain (3) or URL-safe base64. */
  readonly eventIdFormat: 'server-chosen' | 'hash-base64' | 'hash-base64url';
  readonly stateResolution: 'v1' | 'v2' | 'v2.1';
  /** Redaction is an auth rule (1, 2) rather than something each server applies when it sees fit. */
  readonly redactionInAuthRules: boolean;
  /** Signing-key validity is enforced (5 and later). */
  readonly enforceKeyValidity: boolean;
  /** m.room.aliases has its own auth rule and redaction rule (1 to 5). */
  readonly specialAliases: boolean;
  /** Canonical JSON without floats and with integers within ±(2^53-1) (6 and later). */
  readonly strictCanonicalJson: boolean;
  /** `notifications` is checked when power levels change (6 and later). */
  readonly checkNotificationLevels: boolean;
  readonly knock: boolean;
  readonly restricted: boolean;
  /** `join_authorised_via_users_server` survives redaction (9 and later). */
  readonly redactionKeepsAuthorisedVia: boolean;
  readonly knockRestricted: boolean;
  /** Power levels must be JSON integers (10 and later). */
  readonly integerPowerLevels: boolean;
  /** The redaction rules of version 11; `redacts` in content; no `creator` in m.room.create. */
  readonly updatedRedaction: boolean;
  /** Identifiers of events are at most 255 bytes long (11 and later); before, servers let 255 characters through. */
  readonly identifierBytesLimited: boolean;
  /** Version 12: room ID is the create event's hash, creators are above all levels, create is not in auth_events. */
  readonly roomIdIsCreateHash: boolean;
}

function version(n: number): RoomVersion {
  return {
    id: String(n),
    eventIdFormat: n <= 2 ? 'server-chosen' : n === 3 ? 'hash-base64' : 'hash-base64url',
    stateResolution: n === 1 ? 'v1' : n < 12 ? 'v2' : 'v2.1',
    redactionInAuthRules: n <= 2,
    enforceKeyValidity: n >= 5,
    specialAliases: n <= 5,
    strictCanonicalJson: n >= 6,
    checkNotificationLevels: n >= 6,
    knock: n >= 7,
    restricted: n >= 8,
    redactionKeepsAuthorisedVia: n >= 9,
    knockRestricted: n >= 10,
    integerPowerLevels: n >= 10,
    updatedRedaction: n >= 11,
    identifierBytesLimited: n >= 11,
    roomIdIsCreateHash: n >= 12,
  };
}

/** Every room version Myelin speaks, by its identifier. All are stable. */
export const ROOM_VERSIONS: ReadonlyMap<string, RoomVersion> = new Map(
  Array.from({ length: 12 }, (_, i) => [String(i + 1), version(i + 1)]),
);

/** The version's rules. Throws 400 M_UNSUPPORTED_ROOM_VERSION for one that Myelin does not know. */
export function roomVersion(id: string): RoomVersion {
  const found = ROOM_VERSIONS.get(id);
  if (found) return found;
  const known = [...ROOM_VERSIONS.keys()].join(', ');
  throw new MatrixError(
    400,
    'M_UNSUPPORTED_ROOM_VERSION',
    `Room version "${id}" is not supported; the supported ones are ${known}`,
  );
}
