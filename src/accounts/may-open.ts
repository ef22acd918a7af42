import { MatrixError } from '../protocol/matrix-error.ts';
import type { UserRow } from '../storage/accounts/users-store.ts';

/**
 * Lets pass whoever may get new access tokens. To be asked after the credentials were found right: it tells what became of
 * the account (Client-Server API, "Account locking").
 *
 * @throws MatrixError 403 M_USER_DEACTIVATED, 401 M_USER_LOCKED with `soft_logout`.
 */
export function assertMayOpen(user: Pick<UserRow, 'deactivated' | 'locked'> | undefined): void {
  if (user?.deactivated !== 0) throw new MatrixError(403, 'M_USER_DEACTIVATED', 'This account is closed');
  if (user.locked === 0) return;
  const message = 'This account is locked: nobody can log in until an administrator unlocks it';
  throw new MatrixError(401, 'M_USER_LOCKED', message, { soft_logout: true });
}
