import { createHash } from 'node:crypto';
import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { Sender } from '../../rooms/appending/message-sending.ts';

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

/** Names the request for an event while that waits. */
export function requestKey(sender: Sender, event: EventToDelay, txnId: string): Buffer {
  const { userId, deviceId = '', deviceMadeAt } = sender;
  const scope = [userId, deviceId, deviceMadeAt, event.roomId, event.type, txnId];
  return createHash('sha256').update(JSON.stringify(scope)).digest().subarray(0, 16);
}
