import { serverNameOf, type ServerName, type UserId } from '../protocol/identifiers.ts';
import { MatrixError } from '../protocol/matrix-error.ts';

/**
 * @throws MatrixError 403 for a user of another server: an invitation has to reach that server, and this one does not
 *   speak to others yet.
 */
export function assertLocal(userId: UserId, serverName: ServerName): void {
  if (serverNameOf(userId) === serverName) return;
  throw new MatrixError(
    403,
    'M_FORBIDDEN',
    `Only users of ${serverName} can be invited: this server does not federate yet`,
  );
}
