import { MatrixError } from '../../protocol/matrix-error.ts';
import type { RoomTransaction } from '../appending/room-transaction.ts';

/** @throws MatrixError 403 M_GUEST_ACCESS_FORBIDDEN where the room does not let guests in. */
export async function assertGuestsAllowed(room: RoomTransaction): Promise<void> {
  if (await letsGuestsIn(room)) return;
  throw new MatrixError(403, 'M_GUEST_ACCESS_FORBIDDEN', 'This room does not let guests in');
}

/** Whether the room lets guests in now. */
export async function letsGuestsIn(room: RoomTransaction): Promise<boolean> {
  return (await room.stateEvent('m.room.guest_access', ''))?.content.guest_access === 'can_join';
}
