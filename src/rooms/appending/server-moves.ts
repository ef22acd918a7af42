import { parseUserId, serverNameOf, type RoomId, type ServerName } from '../../protocol/identifiers.ts';
import type { Writer } from '../../storage/database.ts';
import * as roomServersStore from '../../storage/federation/room-servers-store.ts';
import type { Position } from '../../storage/unit-of-work.ts';

/**
 * What a change of membership is to another server: one more or one less of its users is joined, or one is no longer
 * invited (or no longer knocks), which it is told even if it has nobody in the room.
 */
export interface ServerMove {
  readonly server: ServerName;
  readonly kind: 'join' | 'leave' | 'tell';
}

/**
 * What the change of a membership is to the server of the user whom its state key names; undefined for this server's own users,
 * for what names no user, which the rules of most room versions allow, or nothing.
 */
export function serverMoveOf(
  ownServer: ServerName,
  stateKey: string,
  was: unknown,
  is: unknown,
): ServerMove | undefined {
  if (was === is) return undefined;
  const userId = parseUserId(stateKey);
  const server = userId && serverNameOf(userId);
  if (server === undefined || server === ownServer) return undefined;
  if (is === 'join') return { server, kind: 'join' };
  if (was === 'join') return { server, kind: 'leave' };
  const wasAsked = was === 'invite' || was === 'knock';
  return wasAsked && (is === 'leave' || is === 'ban') ? { server, kind: 'tell' } : undefined;
}

/** How many more joined members of other servers a move makes. */
export function joinedBy(move: ServerMove): number {
  return Number(move.kind === 'join') - Number(move.kind === 'leave');
}

/**
 * Writes moves down, in the unit of the membership events. Joins of one server that follow each other are written as one.
 *
 * @param at the position of the last of the events.
 */
export function writeServerMoves(
  unit: Writer,
  roomId: RoomId,
  moves: readonly ServerMove[],
  at: Position,
): void {
  const joined = new Map<ServerName, number>();
  const writeJoins = (server: ServerName) => {
    const count = joined.get(server);
    if (count !== undefined) roomServersStore.join(unit, server, roomId, at, count);
    joined.delete(server);
  };
  for (const { server, kind } of moves) {
    if (kind === 'join') {
      joined.set(server, (joined.get(server) ?? 0) + 1);
      continue;
    }
    writeJoins(server);
    roomServersStore[kind](unit, server, roomId, at);
  }
  for (const server of [...joined.keys()]) writeJoins(server);
}
