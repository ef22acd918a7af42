import { MatrixError } from '../../protocol/matrix-error.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import type { EventDraft } from './event-draft.ts';
import type { RoomTransaction } from './room-transaction.ts';

/*
 * What comes into a room before its members are known is judged again once they are, all of it in memory and in one unit of
 * work (`second-judgement.ts`). So there is a limit to it, for it may take long until a server tells the members.
 */

/**
 * Bytes of events (`StoredEvent.size`) after which those of other servers wait: some 4,000 events as people mostly send them,
 * or 64 of the longest.
 */
export const MOST_UNSETTLED = 8 * 1024 * 1024;
/** The same for what people of this server send. They go on while those of other servers wait. */
export const MOST_UNSETTLED_OF_OWN = 2 * MOST_UNSETTLED;
/** When somebody who may send no more is told to try again, in milliseconds. */
const TRY_AGAIN_MS = 60_000;

/** A room as far as this matters: undefined where the whole state is here. */
interface Unsettled {
  unsettled: number | undefined;
}

/** Counts an event that comes into a room. */
export function countUnsettled(point: Unsettled, event: StoredEvent): void {
  if (point.unsettled !== undefined) point.unsettled += event.size;
}

/** Whether so much is unsettled in a room, in bytes, or more. */
export function hasUnsettled({ unsettled }: Unsettled, bytes: number): boolean {
  return unsettled !== undefined && unsettled >= bytes;
}

/**
 * Of a room with too much that is unsettled. Nobody is held in it, nor kept out of it, for what others send.
 *
 * @throws MatrixError 429 M_LIMIT_EXCEEDED where the event is neither a join nor who sends it leaves.
 */
export async function assertGoesOn(room: RoomTransaction, draft: EventDraft): Promise<void> {
  const { type, stateKey, sender, content } = draft;
  const isOwn = type === 'm.room.member' && stateKey === sender;
  if (isOwn && (content.membership === 'leave' || (await room.membership(sender)) !== 'join')) return;
  const message = 'Too much was sent here before the members of the room are known: wait until they are';
  throw new MatrixError(429, 'M_LIMIT_EXCEEDED', message, { retry_after_ms: TRY_AGAIN_MS });
}
