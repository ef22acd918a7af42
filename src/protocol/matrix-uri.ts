import type { RoomId, ServerName } from './identifiers.ts';

/** Servers that a link names, at most: few do, and links stay short. */
const MOST_VIA = 3;

/**
 * The matrix.to link to a room, with servers by way of which it can be joined: the room ID does not name one (Appendices,
 * "matrix.to navigation" and "Routing").
 */
export function matrixToRoom(roomId: RoomId, via: readonly ServerName[]): string {
  const servers = via.slice(0, MOST_VIA).map((server) => `via=${encodeURIComponent(server)}`);
  const query = servers.length === 0 ? '' : `?${servers.join('&')}`;
  return `https://matrix.to/#/${encodeURIComponent(roomId)}${query}`;
}
