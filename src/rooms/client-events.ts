import type { DeviceId, RoomId, UserId } from '../protocol/identifiers.ts';
import { decodeTransaction } from './client-transaction.ts';
import type { EventLog } from './event-log.ts';
import type { StoredEvent } from './stored-event.ts';

/** Who reads, and how. */
export interface Viewer {
  readonly userId: UserId;
  readonly deviceId: DeviceId | undefined;
  /** Milliseconds since the epoch, for `unsigned.age`. */
  readonly now: number;
}

/** Turns events into what clients get (Client-Server API, "Events": ClientEvent), as JSON text. */
export class ClientEvents {
  readonly #log: EventLog;

  constructor(log: EventLog) {
    this.#log = log;
  }

  /**
   * The events as clients get them.
   *
   * @param roomId given where the answer does not name the room otherwise.
   * @param membershipOf the viewer's membership at the event, where it is known (`unsigned.membership`).
   */
  async texts(
    events: readonly StoredEvent[],
    viewer: Viewer,
    options: { roomId?: RoomId; membershipOf?: (event: StoredEvent) => string | undefined } = {},
  ): Promise<string[]> {
    const suffix = options.roomId === undefined ? '' : `,"room_id":${JSON.stringify(options.roomId)}`;
    const texts: string[] = [];
    for (const event of events) {
      const related = this.#needsOthers(event) ? await this.#related(event) : '';
      const membership = options.membershipOf?.(event);
      texts.push(
        `${event.clientText}${suffix},"unsigned":{${unsigned(event, viewer, membership)}${related}}}`,
      );
    }
    return texts;
  }

  /** One event with its room ID. */
  async text(event: StoredEvent, viewer: Viewer): Promise<string> {
    const [text] = await this.texts([event], viewer, { roomId: event.roomId });
    return text ?? '';
  }

  #needsOthers(event: StoredEvent): boolean {
    return event.replaces !== undefined || event.redactedBy !== undefined;
  }

  async #related(event: StoredEvent): Promise<string> {
    let text = '';
    if (event.replaces !== undefined) {
      const before = await this.#log.byId(event.replaces);
      text += `,"replaces_state":${JSON.stringify(event.replaces)}`;
      if (before) {
        text += `,"prev_content":${before.contentText},"prev_sender":${JSON.stringify(before.sender)}`;
      }
    }
    if (event.redactedBy !== undefined) {
      const redaction = await this.#log.byId(event.redactedBy);
      if (redaction) {
        text += `,"redacted_because":${redaction.clientText},"room_id":${JSON.stringify(event.roomId)},"unsigned":{}}`;
      }
    }
    return text;
  }
}

/** Stripped state: what one who is not in the room may know of it (Client-Server API, "Stripped state"). */
export function strippedText(event: StoredEvent): string {
  const stateKey = JSON.stringify(event.stateKey ?? '');
  const ts = event.type === 'm.room.create' ? `,"origin_server_ts":${event.originServerTs}` : '';
  const head = `{"content":${event.contentText}${ts},"sender":${JSON.stringify(event.sender)}`;
  return `${head},"state_key":${stateKey},"type":${JSON.stringify(event.type)}}`;
}

function unsigned(event: StoredEvent, viewer: Viewer, membership: string | undefined): string {
  let text = `"age":${Math.max(0, viewer.now - event.originServerTs)}`;
  if (membership !== undefined) text += `,"membership":"${membership}"`;
  const transaction = event.transaction;
  if (transaction !== undefined && event.sender === viewer.userId) {
    const { deviceId, txnId } = decodeTransaction(transaction);
    if (deviceId === (viewer.deviceId ?? '')) text += `,"transaction_id":${JSON.stringify(txnId)}`;
  }
  return text;
}
