import { parseEventId, type EventId, type RoomId, type UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { STICKY_KEY, stickyMsOf } from '../../protocol/events/sticky-event.ts';
import { referencesOf } from '../../protocol/events/event-format.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import type { EventRow, NewEventRow } from '../../storage/rooms/events-store.ts';
import type { RelatedEvent, Relation } from '../../storage/rooms/relations-store.ts';
import { BEFORE_HISTORY } from '../../storage/unit-of-work.ts';
import type { LoggedEvent } from '../reading/room-reads.ts';

/** The parts of a PDU that only servers need, parsed from `EventRow.envelope`. References are as the PDU has them. */
interface Envelope extends JsonObject {
  depth: number;
}

/** The longest event ID and relation type that are taken for one, as long as any identifier (in characters). */
const LONGEST_RELATION = 255;

/** The name of a state trie's root as a binary string: of 20 characters, or of 16 as they once were. */
export type StateRoot = string & { readonly __brand: 'StateRoot' };

const NO_TARGETS: readonly EventId[] = [];

/** What is written for the root of a state that is not known. */
export const UNKNOWN_ROOT: Uint8Array = new Uint8Array(0);

/** The root as it is written to the database. */
export function rootToBytes(root: StateRoot): Uint8Array {
  return Buffer.from(root, 'latin1');
}

/** The root as it was read from the database. */
export function rootFromBytes(bytes: Uint8Array): StateRoot {
  const { buffer, byteOffset, length } = bytes;
  return Buffer.from(buffer, byteOffset, length).toString('latin1') as StateRoot;
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
  /** Root of the room's state after this event; undefined while it is not known, which only is so beside timelines. */
  readonly stateAfter: StateRoot | undefined;
  /** Root of the room's state once this event was added, where the room had forked. */
  readonly roomRoot: StateRoot | undefined;
  /** Why the event is in no timeline. */
  readonly refused: 'rejected' | 'soft-failed' | undefined;
  /** Of state events, how far they are from the start of the room along auth events. */
  readonly authDepth: number | undefined;
  /** The state event of the same key that this one replaced. */
  readonly replaces: EventId | undefined;
  readonly redactedBy: EventId | undefined;
  /** Device and transaction ID of a local sender, as `encodeTransaction` writes them. */
  readonly transaction: string | undefined;
  /** Whether events that are counted relate to this one (`aggregations-store.ts`). Undefined when not known yet. */
  hasAggregations: boolean | undefined = undefined;
  #content: JsonObject | undefined;
  #envelope: Envelope | undefined;
  #authEventIds: readonly EventId[] | undefined;
  #prevEventIds: readonly EventId[] | undefined;
  #clientText: string | undefined;
  #stickyMs: number | undefined | 'unknown' = 'unknown';

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
    this.stateAfter = row.state_root.length === 0 ? undefined : rootFromBytes(row.state_root);
    this.roomRoot = row.room_root ? rootFromBytes(row.room_root) : undefined;
    this.refused = row.refused ?? undefined;
    this.authDepth = row.auth_depth ?? undefined;
    this.replaces = (row.replaces ?? undefined) as EventId | undefined;
    this.redactedBy = (row.redacted_by ?? undefined) as EventId | undefined;
    this.transaction = row.txn ?? undefined;
    this.#content = content;
  }

  /** `stateAfter` of an event that is in a timeline. */
  get stateRoot(): StateRoot {
    if (this.stateAfter === undefined)
      throw new Error('The state at an event beside the timeline is not known');
    return this.stateAfter;
  }

  /** Whether the event is in no timeline: known only as state or for the rules, or refused. */
  get isAside(): boolean {
    return this.position <= BEFORE_HISTORY;
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
    this.#authEventIds ??= referencesOf(this.envelope.auth_events);
    return this.#authEventIds;
  }

  get prevEventIds(): readonly EventId[] {
    this.#prevEventIds ??= referencesOf(this.envelope.prev_events);
    return this.#prevEventIds;
  }

  /** For how long the event is sticky (MSC4354), in ms; undefined for one that is not. */
  get stickyMs(): number | undefined {
    if (this.#stickyMs === 'unknown') {
      this.#stickyMs = this.envelopeText.includes(`"${STICKY_KEY}"`) ? stickyMsOf(this.envelope) : undefined;
    }
    return this.#stickyMs;
  }

  /**
   * Events that a redaction names at either place. It redacts one of them at most, by its room's version (`redactsIn`); what
   * may have changed by it is to be looked at of each.
   */
  get namedTargets(): readonly EventId[] {
    if (this.type !== 'm.room.redaction') return NO_TARGETS;
    const named = [this.envelope.redacts, this.content.redacts];
    return [...new Set(named.flatMap((id) => (typeof id === 'string' ? (parseEventId(id) ?? []) : [])))];
  }

  /** What a redaction says that it redacts, at either place. Where both are there, `redactsIn` tells which one counts. */
  get redacts(): EventId | undefined {
    if (this.type !== 'm.room.redaction') return undefined;
    const target = this.envelope.redacts ?? this.content.redacts;
    return typeof target === 'string' ? (target as EventId) : undefined;
  }

  /** What a redaction redacts by the rules of its room's version ("Moving the redacts property", room version 11). */
  redactsIn(version: RoomVersion): EventId | undefined {
    if (this.type !== 'm.room.redaction') return undefined;
    const target = version.updatedRedaction ? this.content.redacts : this.envelope.redacts;
    return typeof target === 'string' ? parseEventId(target) : undefined;
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
  toRow(): NewEventRow {
    return {
      event_id: this.eventId,
      room_id: this.roomId,
      type: this.type,
      state_key: this.stateKey ?? null,
      sender: this.sender,
      origin_server_ts: this.originServerTs,
      content: this.contentText,
      envelope: this.envelopeText,
      state_root: this.stateAfter === undefined ? UNKNOWN_ROOT : rootToBytes(this.stateAfter),
      replaces: this.replaces ?? null,
      redacted_by: this.redactedBy ?? null,
      txn: this.transaction ?? null,
      auth_depth: this.authDepth ?? null,
      room_root: this.roomRoot === undefined ? null : rootToBytes(this.roomRoot),
      refused: this.refused ?? null,
    };
  }

  /** About how many bytes of memory the event takes, for caches. */
  get size(): number {
    return 600 + 2 * (this.contentText.length + this.envelopeText.length);
  }

  #makeClientText(): string {
    const redacts = this.#redactsForClients();
    const isComplete = redacts === undefined || this.content.redacts !== undefined;
    const content = isComplete ? this.contentText : JSON.stringify({ ...this.content, redacts });
    const parts = [
      `{"content":${content},"event_id":${JSON.stringify(this.eventId)}`,
      `,"origin_server_ts":${this.originServerTs},"sender":${JSON.stringify(this.sender)}`,
      `,"type":${JSON.stringify(this.type)}`,
    ];
    if (this.stateKey !== undefined) parts.push(`,"state_key":${JSON.stringify(this.stateKey)}`);
    if (this.stickyMs !== undefined) parts.push(`,"${STICKY_KEY}":{"duration_ms":${this.stickyMs}}`);
    if (redacts !== undefined) parts.push(`,"redacts":${JSON.stringify(redacts)}`);
    // Put together here, not by whoever sends a text of which this is a part: that would be done each time.
    return parts.join('');
  }

  /**
   * What a redaction redacts, which clients get at the top level and in the content, whichever of the two the room's
   * version has ("Moving the redacts property", room version 11). Undefined where both are there and differ: one of them
   * is not meant, and must not make clients hide another event.
   */
  #redactsForClients(): EventId | undefined {
    if (this.type !== 'm.room.redaction') return undefined;
    const [above, inside] = [this.envelope.redacts, this.content.redacts];
    return above !== undefined && inside !== undefined && above !== inside ? undefined : this.redacts;
  }
}
