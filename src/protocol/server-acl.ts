import { matchGlob } from './glob.ts';
import type { ServerName } from './identifiers.ts';
import type { JsonObject } from './json.ts';

/**
 * Whether m.room.server_acl lets a server take part in a room (Client-Server API, "Server access control lists").
 * Without such an event everybody may.
 *
 * @param content of the room's m.room.server_acl.
 */
export function serverAllowed(content: JsonObject | undefined, server: ServerName): boolean {
  if (!content) return true;
  const host = server.replace(/:\d+$/, '').toLowerCase();
  if (content.allow_ip_literals === false && isIpLiteral(host)) return false;
  const listed = (list: unknown) =>
    Array.isArray(list) &&
    list.some((glob) => typeof glob === 'string' && matchGlob(glob.toLowerCase(), host));
  return !listed(content.deny) && listed(content.allow);
}

function isIpLiteral(host: string): boolean {
  return host.startsWith('[') || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
}
