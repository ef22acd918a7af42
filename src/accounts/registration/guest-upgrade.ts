import type { UserId } from '../../protocol/identifiers.ts';
import { forbidden, MatrixError } from '../../protocol/matrix-error.ts';
import { assertMayOpen } from '../may-open.ts';
import type { Sessions } from '../sessions.ts';

/**
 * Checks that somebody is the guest whose account they want to make a full one (Client-Server API, "Guest Access").
 *
 * @param wanted the ID of the user name that the client gave, which must be the guest's.
 * @throws MatrixError 401 M_UNKNOWN_TOKEN, M_USER_LOCKED, 400 M_MISSING_PARAM without a user name, 403 M_FORBIDDEN for
 *   another account than the guest's.
 */
export async function assertIsGuest(
  sessions: Sessions,
  accessToken: string,
  wanted: UserId | undefined,
): Promise<UserId> {
  if (wanted === undefined) {
    throw new MatrixError(400, 'M_MISSING_PARAM', 'A guest keeps their name: give it as "username"');
  }
  const nobody = { userId: undefined, deviceId: undefined };
  const session = await sessions.authenticate(accessToken, { ip: '', userAgent: '' }, nobody);
  const { userId, isGuest, isLocked } = session;
  if (isGuest && userId === wanted) {
    assertMayOpen({ deactivated: 0, locked: isLocked ? 1 : 0 });
    return wanted;
  }
  throw forbidden('"guest_access_token" must be that of the guest whose name is given');
}
