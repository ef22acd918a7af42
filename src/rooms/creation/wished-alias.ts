import { roomAlias, type RoomAlias, type ServerName } from '../../protocol/identifiers.ts';
import { invalidParam, MatrixError } from '../../protocol/matrix-error.ts';

/** The full alias of a wished localpart on this server. 400 M_INVALID_PARAM where there can be none. */
export function aliasOf(localpart: string, serverName: ServerName): RoomAlias {
  if (localpart === '' || localpart.startsWith('#') || /[:\0\s]/.test(localpart)) {
    throw invalidParam(
      'A room alias name must be given without "#" and server, and without ":" or white space',
    );
  }
  return roomAlias(`#${localpart}:${serverName}`);
}

/** The error for an alias that points somewhere already. */
export function aliasTaken(alias: RoomAlias): MatrixError {
  return new MatrixError(400, 'M_ROOM_IN_USE', `The room alias ${alias} is taken`);
}
