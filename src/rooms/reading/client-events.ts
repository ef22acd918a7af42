import type { DeviceId, EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Aggregation, AggregationMap, Aggregations } from '../relations/aggregations.ts';
import { decodeTransaction } from '../events/client-transaction.ts';
import type { EventLog } from '../events/event-log.ts';
import type { StoredEvent } from '../events/stored-event.ts';
import type { Visibility } from './visibility.ts';

/** Who reads, and how. */
export interface Viewer {
  readonly userId: UserId;
  readonly deviceId: DeviceId | undefined;
  /** Milliseconds since the epoch, for `unsigned.age`. */
  readonly now: number;
}

/** Whose eyes decide on what is shown beside an event: a user's, or nobody's where everything may be seen. */
export type Sight = UserId | 'everything';

/** What else belongs into the text of events. */
export interface TextOptions {
  /** Given where the answer does not name the room otherwise. */
  readonly roomId?: RoomId;
  /** The viewer's membership at the event, where it is known (`unsigned.membership`). */
  readonly membershipOf?: (event: StoredEvent) => string | undefined;
  readonly aggregations?: AggregationMap;
  /** Who may see what the events replaced and by what they were redacted, where that is not the viewer. */
  readonly sight?: Sight;
}

/** Turns events into what clients get (Client-Server API, "Events": ClientEvent), as JSON text. */
export class ClientEvents {
  readonly #log: EventLog;
  readonly #aggregations: Aggregations;
  readonly #visibility: Visibility;

  constructor(log: EventLog, aggregations: Aggregations, visibility: Visibility) {
    this.#log = log;
    this.#aggregations = aggregations;
    this.#visibility = visibility;
  }

  /** `texts`, and with each event what relates to it (`unsigned["m.relations"]`). */
  async bundledTexts(
    events: readonly StoredEvent[],
    viewer: Viewer,
    options: TextOptions = {},
  ): Promise<string[]> {
    const aggregations = await this.#aggregations.of(events, viewer.userId);
    return this.texts(events, viewer, aggregations ? { ...options, aggregations } : options);
  }

  /** The events as clients get them. All must be of one room. */
  async texts(events: readonly StoredEvent[], viewer: Viewer, options: TextOptions = {}): Promise<string[]> {
    const suffix = options.roomId === undefined ? '' : roomIdText(options.roomId);
    const { aggregations } = options;
    const visible = await this.#visibleBeside(events, options.sight ?? viewer.userId);
    const texts: string[] = [];
    for (const event of events) {
      let related = event.replaces === undefined ? '' : replacedText(event.replaces, visible);
      if (event.redactedBy !== undefined) related += redactionText(event, visible.get(event.redactedBy));
      if (aggregations) related += aggregationText(event, aggregations, viewer);
      const more = unsignedMore(event, viewer, options.membershipOf?.(event)) + related;
      texts.push(`${event.clientText}${suffix},"unsigned":{"age":${ageOf(event, viewer)}${more}}}`);
    }
    return texts;
  }

  /** One event with its room ID. */
  async text(event: StoredEvent, viewer: Viewer, options: TextOptions = {}): Promise<string> {
    const [text] = await this.texts([event], viewer, { ...options, roomId: event.roomId });
    return text ?? '';
  }

  /** What the events replaced and by what they were redacted, as far as it may be seen. */
  async #visibleBeside(events: readonly StoredEvent[], sight: Sight): Promise<Map<EventId, StoredEvent>> {
    const beside: StoredEvent[] = [];
    for (const { replaces, redactedBy } of events) {
      const before = replaces === undefined ? undefined : await this.#log.byId(replaces);
      const redaction = redactedBy === undefined ? undefined : await this.#log.byId(redactedBy);
      if (before) beside.push(before);
      if (redaction) beside.push(redaction);
    }
    const [first] = beside;
    if (!first) return NONE;
    const visible = sight === 'everything' ? beside : await this.#visible(first.roomId, sight, beside);
    return new Map(visible.map((event) => [event.eventId, event]));
  }

  async #visible(roomId: RoomId, user: UserId, events: readonly StoredEvent[]): Promise<StoredEvent[]> {
    return this.#visibility.filter(await this.#visibility.access(roomId, user), events);
  }
}

const NONE: Map<EventId, StoredEvent> = new Map();
const WHILE_JOINED = ',"membership":"join"';

/** The ID of what an event replaced is told to all; its content only to those who may see it. */
function replacedText(replaces: EventId, visible: ReadonlyMap<EventId, StoredEvent>): string {
  const text = `,"replaces_state":${JSON.stringify(replaces)}`;
  const before = visible.get(replaces);
  if (!before) return text;
  return `${text},"prev_content":${before.contentText},"prev_sender":${JSON.stringify(before.sender)}`;
}

/**
 * That an event was redacted is told to all; by which event, and why, only to those who may see that. Clients cannot read a
 * redacted event without a whole redaction, so that others are given one that says nothing which the event itself does not;
 * so is everybody where it was removed because of its age, by no event.
 */
function redactionText(event: StoredEvent, redaction: StoredEvent | undefined): string {
  const end = `"room_id":${JSON.stringify(event.roomId)},"unsigned":{}}`;
  if (redaction) return `,"redacted_because":${redaction.clientText},${end}`;
  const { eventId, sender, originServerTs } = event;
  const nothing = { type: 'm.room.redaction', event_id: eventId, redacts: eventId, content: {} };
  const text = JSON.stringify({ ...nothing, sender, origin_server_ts: originServerTs });
  return `,"redacted_because":${text.slice(0, -1)},${end}`;
}

/** `,"m.relations":{…}`, or nothing when nothing relates to the event (Client-Server API, "Aggregations"). */
function aggregationText(event: StoredEvent, aggregations: AggregationMap, viewer: Viewer): string {
  const found = aggregations.get(event.eventId);
  if (!found) return '';
  const parts: string[] = [];
  if (found.edit) parts.push(`"m.replace":${nestedText(found.edit, viewer, '')}`);
  if (found.references)
    parts.push(`"m.reference":${JSON.stringify({ chunk: found.references.map(chunkEntry) })}`);
  if (found.thread) parts.push(`"m.thread":${threadText(found.thread, aggregations, viewer)}`);
  return `,"m.relations":{${parts.join(',')}}`;
}

function threadText(
  thread: NonNullable<Aggregation['thread']>,
  aggregations: AggregationMap,
  viewer: Viewer,
): string {
  const { latest, count, participated } = thread;
  const text = nestedText(latest, viewer, aggregationText(latest, aggregations, viewer));
  return `{"latest_event":${text},"count":${count},"current_user_participated":${participated}}`;
}

/** An event inside the aggregation of another. */
function nestedText(event: StoredEvent, viewer: Viewer, more: string): string {
  const head = `${event.clientText}${roomIdText(event.roomId)},"unsigned":{"age":${ageOf(event, viewer)}`;
  return `${head}${unsignedMore(event, viewer, undefined)}${more}}}`;
}

function chunkEntry(eventId: string): { event_id: string } {
  return { event_id: eventId };
}

function roomIdText(roomId: RoomId): string {
  return `,"room_id":${JSON.stringify(roomId)}`;
}

/** Stripped state: what one who is not in the room may know of it (Client-Server API, "Stripped state"). */
export function strippedText(event: StoredEvent): string {
  const stateKey = JSON.stringify(event.stateKey ?? '');
  const ts = event.type === 'm.room.create' ? `,"origin_server_ts":${event.originServerTs}` : '';
  const head = `{"content":${event.contentText}${ts},"sender":${JSON.stringify(event.sender)}`;
  return `${head},"state_key":${stateKey},"type":${JSON.stringify(event.type)}}`;
}

/** For how much longer the event is sticky, in ms. One from the future has begun to be so when it came. */
function stickyFor(event: StoredEvent, now: number): number {
  return Math.max(0, Math.min(event.originServerTs, now) + (event.stickyMs ?? 0) - now);
}

function ageOf(event: StoredEvent, viewer: Viewer): number {
  return Math.max(0, viewer.now - event.originServerTs);
}

/** What `unsigned` has beside `age`; for most events it is made of no parts, of which a large answer would have many. */
function unsignedMore(event: StoredEvent, viewer: Viewer, membership: string | undefined): string {
  let text = membership === 'join' ? WHILE_JOINED : '';
  if (membership !== undefined && membership !== 'join') text = `,"membership":"${membership}"`;
  if (event.stickyMs !== undefined)
    text += `,"msc4354_sticky_duration_ttl_ms":${stickyFor(event, viewer.now)}`;
  const transaction = event.transaction;
  if (transaction !== undefined && event.sender === viewer.userId) {
    const { deviceId, txnId } = decodeTransaction(transaction);
    if (deviceId === (viewer.deviceId ?? '')) text += `,"transaction_id":${JSON.stringify(txnId)}`;
  }
  return text;
}
