import type { EventId, RoomId, UserId } from '../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../protocol/json.ts';
import type { EventRow } from '../storage/events-store.ts';
import type { RelatedEvent, Relation } from '../storage/relations-store.ts';
import type { LoggedEvent } from './room-reads.ts';

/** The parts of a PDU that only servers need, parsed from `EventRow.envelope`. */
interface Envelope extends JsonObject {
  auth_events: EventId[];
  prev_events: EventId[];
  depth: number;
}

/** The longest event ID and relation type that are taken for one, as long as any identifier (in characters). */
const LONGEST_RELATION = 255;

/** Root of a state trie: its hash as a binary string of 16 characters. */
export type StateRoot = string & { readonly __brand: 'StateRoot' };

/** The root as it is written to the database. */
export function rootToBytes(root: StateRoot): Uint8Array {
  return Buffer.from(root, 'latin1');
}

/** The root as it was read from the database. */
export function rootFromBytes(bytes: Uint8Array): StateRoot {
  return Buffer.from(bytes).toString('latin1') as StateRoot;
}

/**
 * An event of the log, shared by everything that reads it. JSON is parsed when first asked for; the text that
 * clients get is made once.
 */
export class StoredEvent implements LoggedEvent {
  /** Not a number until the event's unit of work is committed. */
  position: number;
  readonly eventId: EventId;
  readonly roomId: RoomId;
  readonly type: string;
  readonly stateKey: string | undefined;
  readonly sender: UserId;
  readonly originServerTs: number;
  readonly contentText: string;
  readonly envelopeText: string;
  /** Root of the room's state after this event. */
  readonly stateRoot: StateRoot;
  /** The state event of the same key that this one replaced. */
  readonly replaces: EventId | undefined;
  readonly redactedBy: EventId | undefined;
  /** Device and transaction ID of a local sender, as `encodeTransaction` writes them. */
  readonly transaction: string | undefined;
  /** Whether events that are counted relate to this one (`aggregations-store.ts`). Undefined when not known yet. */
  hasAggregations: boolean | undefined = undefined;
  #content: JsonObject | undefined;
  #envelope: Envelope | undefined;
  #clientText: string | undefined;

  constructor(row: EventRow, content?: JsonObject) {
    this.position = row.position;
    this.eventId = row.event_id as EventId;
    this.roomId = row.room_id as RoomId;
    this.type = row.type;
    this.stateKey = row.state_key ?? undefined;
    this.sender = row.sender as UserId;
    this.originServerTs = row.origin_server_ts;
    this.contentText = row.content;
    this.envelopeText = row.envelope;
    this.stateRoot = rootFromBytes(row.state_root);
    this.replaces = (row.replaces ?? undefined) as EventId | undefined;
    this.redactedBy = (row.redacted_by ?? undefined) as EventId | undefined;
    this.transaction = row.txn ?? undefined;
    this.#content = content;
  }

  get content(): JsonObject {
    this.#content ??= JSON.parse(this.contentText) as JsonObject;
    return this.#content;
  }

  get envelope(): Readonly<Envelope> {
    this.#envelope ??= JSON.parse(this.envelopeText) as Envelope;
    return this.#envelope;
  }

  get depth(): number {
    return this.envelope.depth;
  }

  get authEventIds(): readonly EventId[] {
    return this.envelope.auth_events;
  }

  get prevEventIds(): readonly EventId[] {
    return this.envelope.prev_events;
  }

  get redacts(): EventId | undefined {
    if (this.type !== 'm.room.redaction') return undefined;
    const target = this.envelope.redacts ?? this.content.redacts;
    return typeof target === 'string' ? (target as EventId) : undefined;
  }

  /**
   * The event as clients get it (ClientEvent without `room_id` and `unsigned`), as JSON text without its closing
   * brace, so that what differs between readers can be appended.
   */
  get clientText(): string {
    this.#clientText ??= this.#makeClientText();
    return this.#clientText;
  }

  /** How the event relates to another, if it does (Client-Server API, "Forming relationships between events"). */
  get relation(): Relation | undefined {
    if (this.stateKey !== undefined || !this.contentText.includes('"m.relates_to"')) return undefined;
    const relates = this.content['m.relates_to'];
    if (!isJsonObject(relates)) return undefined;
    const { rel_type: relType, event_id: parentId, key } = relates;
    if (typeof relType !== 'string' || typeof parentId !== 'string') return undefined;
    if (!parentId.startsWith('$') || Math.max(parentId.length, relType.length) > LONGEST_RELATION)
      return undefined;
    return { parentId: parentId as EventId, relType, key: typeof key === 'string' ? key : undefined };
  }

  /** The event as one that relates to another, if it does. */
  get relatedEvent(): RelatedEvent | undefined {
    const { relation, type, content } = this;
    if (!relation) return undefined;
    const { eventId, roomId, sender, originServerTs } = this;
    const replaces = type === 'm.room.encrypted' || isJsonObject(content['m.new_content']);
    const isEdit = relation.relType === 'm.replace' && replaces;
    return { ...relation, eventId, roomId, type, sender, originServerTs, isEdit };
  }

  /** The event as a row of the log. */
  toRow(): Omit<EventRow, 'position' | 'redacted_by'> {
    return {
      event_id: this.eventId,
      room_id: this.roomId,
      type: this.type,
      state_key: this.stateKey ?? null,
      sender: this.sender,
      origin_server_ts: this.originServerTs,
      content: this.contentText,
      envelope: this.envelopeText,
      state_root: rootToBytes(this.stateRoot),
      replaces: this.replaces ?? null,
      txn: this.transaction ?? null,
    };
  }

  /** About how many bytes of memory the event takes, for caches. */
  get size(): number {
    return 600 + 2 * (this.contentText.length + this.envelopeText.length);
  }

  #makeClientText(): string {
    let text = `{"content":${this.contentText},"event_id":${JSON.stringify(this.eventId)}`;
    text += `,"origin_server_ts":${this.originServerTs},"sender":${JSON.stringify(this.sender)}`;
    text += `,"type":${JSON.stringify(this.type)}`;
    if (this.stateKey !== undefined) text += `,"state_key":${JSON.stringify(this.stateKey)}`;
    const redacts = this.redacts;
    if (redacts !== undefined && this.envelope.redacts !== undefined) {
      text += `,"redacts":${JSON.stringify(redacts)}`;
    }
    return text;
  }
}
