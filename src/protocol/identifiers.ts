import { invalidParam } from './matrix-error.ts';
import { isServerName } from './server-name.ts';

declare const brand: unique symbol;
type Brand<Name extends string> = string & { readonly [brand]: Name };

/** `@localpart:server` */
export type UserId = Brand<'UserId'>;
/** `!opaque:server`, or `!hash` from room version 12 on */
export type RoomId = Brand<'RoomId'>;
/** `$opaque:server` (versions 1, 2) or `$hash` */
export type EventId = Brand<'EventId'>;
/** `#alias:server` */
export type RoomAlias = Brand<'RoomAlias'>;
/** host, optionally with a port */
export type ServerName = Brand<'ServerName'>;
/** opaque, chosen by client or server */
export type DeviceId = Brand<'DeviceId'>;

/** Longest identifier, its sigil and domain included, in bytes of UTF-8. */
export const MAX_IDENTIFIER_BYTES = 255;

const NEW_LOCALPART = /^[a-z0-9._=\-/+]+$/;

/** The text as a server name (Appendices, "Server Name"), or undefined. Case matters. */
export function parseServerName(text: string): ServerName | undefined {
  return isServerName(text) && fits(text) ? (text as ServerName) : undefined;
}

/**
 * The text as a user ID, or undefined (Appendices, "User Identifiers"). Historical localparts are accepted: any
 * Unicode but `:` and NUL, and the empty one. Ask `isLocalpartForNewUsers` before making a new user.
 */
export function parseUserId(text: string): UserId | undefined {
  return hasDomain(text, '@') ? (text as UserId) : undefined;
}

/** The text as a room alias, or undefined (Appendices, "Room Aliases"). */
export function parseRoomAlias(text: string): RoomAlias | undefined {
  return hasDomain(text, '#') && text.indexOf(':') > 1 ? (text as RoomAlias) : undefined;
}

/** The text as a room ID, with or without a domain, or undefined (Appendices, "Room IDs"). */
export function parseRoomId(text: string): RoomId | undefined {
  const valid = text.includes(':') ? hasDomain(text, '!') : isOpaque(text, '!');
  return valid ? (text as RoomId) : undefined;
}

/** The text as an event ID of any room version, or undefined (Appendices, "Event IDs"). */
export function parseEventId(text: string): EventId | undefined {
  return isOpaque(text, '$') ? (text as EventId) : undefined;
}

/** The text as a device ID, or undefined: not empty, at most 255 bytes, no NUL. */
export function parseDeviceId(text: string): DeviceId | undefined {
  return isOpaque(text, '') ? (text as DeviceId) : undefined;
}

/** As `parseServerName`; throws MatrixError 400 M_INVALID_PARAM. */
export function serverName(text: string): ServerName {
  return parseServerName(text) ?? refuse(text, 'server name', 'host, host:port or [IPv6]:port');
}

/** As `parseUserId`; throws MatrixError 400 M_INVALID_PARAM. */
export function userId(text: string): UserId {
  return parseUserId(text) ?? refuse(text, 'user ID', '@localpart:server');
}

/** As `parseRoomAlias`; throws MatrixError 400 M_INVALID_PARAM. */
export function roomAlias(text: string): RoomAlias {
  return parseRoomAlias(text) ?? refuse(text, 'room alias', '#alias:server');
}

/** As `parseRoomId`; throws MatrixError 400 M_INVALID_PARAM. */
export function roomId(text: string): RoomId {
  return parseRoomId(text) ?? refuse(text, 'room ID', '!id:server or !id');
}

/** As `parseEventId`; throws MatrixError 400 M_INVALID_PARAM. */
export function eventId(text: string): EventId {
  return parseEventId(text) ?? refuse(text, 'event ID', '$id');
}

/** As `parseDeviceId`; throws MatrixError 400 M_INVALID_PARAM. */
export function deviceId(text: string): DeviceId {
  return parseDeviceId(text) ?? refuse(text, 'device ID', 'any text without NUL');
}

/** The server that an identifier names; undefined for room and event IDs without a domain. */
export function serverNameOf(id: UserId | RoomAlias): ServerName;
export function serverNameOf(id: RoomId | EventId): ServerName | undefined;
export function serverNameOf(id: UserId | RoomAlias | RoomId | EventId): ServerName | undefined {
  const colon = id.indexOf(':');
  return colon < 0 ? undefined : (id.slice(colon + 1) as ServerName);
}

/** What stands between the sigil and the first colon. */
export function localpartOf(id: UserId | RoomAlias): string {
  return id.slice(1, id.indexOf(':'));
}

/** Whether a localpart may be given to a new user: not empty, and only `a-z`, `0-9` and `._=-/+`. */
export function isLocalpartForNewUsers(localpart: string): boolean {
  return NEW_LOCALPART.test(localpart);
}

/** Whether a text is at most 255 bytes of UTF-8 (or `limit`). */
export function fits(text: string, limit: number = MAX_IDENTIFIER_BYTES): boolean {
  return text.length * 3 <= limit || (text.length <= limit && Buffer.byteLength(text) <= limit);
}

function isOpaque(text: string, sigil: string): boolean {
  return (
    text.startsWith(sigil) &&
    text.length > sigil.length &&
    fits(text) &&
    !text.includes('\0') &&
    text.isWellFormed()
  );
}

function hasDomain(text: string, sigil: string): boolean {
  if (!isOpaque(text, sigil)) return false;
  const colon = text.indexOf(':');
  return colon > 0 && isServerName(text.slice(colon + 1));
}

function refuse(text: string, what: string, form: string): never {
  const shown = JSON.stringify(text.slice(0, 64));
  throw invalidParam(`${shown} is not a ${what}: expected ${form}, at most ${MAX_IDENTIFIER_BYTES} bytes`);
}
