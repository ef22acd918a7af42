import type { EventId, RoomId, ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';

/** What became of one event of a transaction: taken (also if it was known, is soft-failed or yet to be judged), or refused. */
export interface PduResult {
  readonly error?: string;
}

/** Takes in the events that other servers send. */
export interface PduReceiver {
  /**
   * Takes in events of one room, in the order given. Of the events nothing was checked but that they are objects.
   * Resolves when those that were taken are durable, and soon: what takes long to judge is kept and judged later; never
   * rejects for what is wrong with an event.
   *
   * @param origin the server that sent them.
   */
  receive(
    origin: ServerName,
    roomId: RoomId,
    pdus: readonly JsonObject[],
  ): Promise<ReadonlyMap<EventId, PduResult>>;
}
