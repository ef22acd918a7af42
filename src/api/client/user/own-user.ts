import type { UserId } from '../../../protocol/identifiers.ts';
import { forbidden } from '../../../protocol/matrix-error.ts';
import type { Session } from '../../../wire/session.ts';

/** The user of a path, who must be the one who asks. 403 M_FORBIDDEN for anybody else. */
export function ownUser(session: Session, userId: string): UserId {
  if (userId !== session.userId) throw forbidden('You can do this for yourself only');
  return session.userId;
}
