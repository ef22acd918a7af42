import { stateKeyOf } from '../../protocol/events/event.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { RoomTransaction } from '../appending/room-transaction.ts';

const GUEST_ACCESS = stateKeyOf('m.room.guest_access', '');

/** @throws MatrixError 403 M_GUEST_ACCESS_FORBIDDEN where the room does not let guests in. */
export async function assertGuestsAllowed(room: RoomTransaction): Promise<void> {
  if (await letsGuestsIn(room)) return;
  throw new MatrixError(403, 'M_GUEST_ACCESS_FORBIDDEN', 'This room does not let guests in');
}

/** Whether the room lets guests in now. */
export async function letsGuestsIn(room: RoomTransaction): Promise<boolean> {
  return (await room.stateEvent('m.room.guest_access', ''))?.content.guest_access === 'can_join';
}

/** Whether the transaction touches what says if guests are let in, be it by a redaction. */
export function touchesGuestAccess(room: Pick<RoomTransaction, 'state' | 'redactedState'>): boolean {
  return room.state.has(GUEST_ACCESS) || room.redactedState.has(GUEST_ACCESS);
}
