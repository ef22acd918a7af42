import type { ServerName } from '../protocol/identifiers.ts';

/** The pattern of `LIKE ? ESCAPE '!'` that the IDs of a server's users match. Server names have no "!". */
export function usersOf(server: ServerName): string {
  return `%:${server.replaceAll(/[%_]/g, '!$&')}`;
}
