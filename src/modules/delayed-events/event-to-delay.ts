import { createHash } from 'node:crypto';
import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { Sender } from '../../rooms/appending/message-sending.ts';
import type { DelayedEventRow } from '../../storage/rooms/delayed-events-store.ts';

/** An event that a client wants to be sent later. */
export interface EventToDelay {
  readonly roomId: RoomId;
  readonly type: string;
  readonly content: JsonObject;
  /** Absent for message events. */
  readonly stateKey?: string;
  /** Absent for state events. */
  readonly txnId?: string;
  readonly redacts?: EventId;
  /** For how long it is to be sticky once it is sent (MSC4354), in ms. */
  readonly stickyMs?: number;
}

/** An event that waits, as its sender is told of it. */
export function forClient(row: DelayedEventRow): JsonObject {
  const event: JsonObject = {
    delay_id: row.id,
    room_id: row.room_id,
    type: row.type,
    delay: row.delay,
    running_since: row.running_since,
    content: JSON.parse(row.content) as JsonObject,
  };
  if (row.state_key !== null) event.state_key = row.state_key;
  return event;
}

/** Names the request for an event while that waits. */
export function requestKey(sender: Sender, event: EventToDelay, txnId: string): Buffer {
  const { userId, deviceId = '', deviceMadeAt } = sender;
  const scope = [userId, deviceId, deviceMadeAt, event.roomId, event.type, txnId];
  return createHash('sha256').update(JSON.stringify(scope)).digest().subarray(0, 16);
}
