import { stateKeyOf, type StateKey } from '../../protocol/events/event.ts';
import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import { roomVersion, type RoomVersion } from '../../protocol/room-versions.ts';
import type { Reader } from '../../storage/database.ts';
import * as currentStateStore from '../../storage/rooms/current-state-store.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import type { StateTries } from '../state/state-trie.ts';
import { rootFromBytes, StoredEvent, type StateRoot } from '../events/stored-event.ts';

/** Entries of state that a head keeps at hand. What is missing is read. */
const STATE_ENTRIES = 2_000;

/** An entry of the state, or that there is none. */
interface Held {
  readonly event: StoredEvent | undefined;
}

/** Where a room stands: what the next event is built on. */
export interface HeadPoint {
  /** Counts the room's units of work. */
  version: number;
  /** The events that no other follows; more than one where servers sent at the same time. */
  extremities: readonly EventId[];
  /** Depth of the deepest extremity. */
  depth: number;
  /** The present state: of all extremities resolved. */
  root: StateRoot | undefined;
  joinedCount: number;
  invitedCount: number;
  /** How many of the joined members are users of other servers. */
  remoteJoined: number;
  /**
   * Where members are missing from the state, which are yet to come: bytes of the events that came since the room was joined
   * (`unsettled-events.ts`). Undefined where the whole state is here.
   */
  unsettled: number | undefined;
}

const EMPTY: HeadPoint = {
  version: 0,
  extremities: [],
  depth: 0,
  root: undefined,
  joinedCount: 0,
  invitedCount: 0,
  remoteJoined: 0,
  unsettled: undefined,
};

/** What a unit of work does to a room. */
export interface Decided {
  readonly point: HeadPoint;
  /** What changed of the present state. Undefined for keys that have no event any more. */
  readonly state: ReadonlyMap<StateKey, StoredEvent | undefined>;
  /** Those of its entries that are in the database already: they need not be kept until they are. */
  readonly writtenAhead: ReadonlyMap<StateKey, EventId>;
  /** Entries of the present state that were redacted. */
  readonly redactedState: ReadonlyMap<StateKey, StoredEvent>;
  readonly events: readonly StoredEvent[];
  readonly aside: readonly StoredEvent[];
  /** Events that were there before, as they are now. */
  readonly revised: readonly StoredEvent[];
  /** Redactions by their target, which is not here. */
  readonly awaiting: ReadonlyMap<EventId, readonly StoredEvent[]>;
}

/**
 * The head of a room as this process knows it, ahead of the database by the units that wait to be committed.
 * Only decisions about new events read it; what is shown to people is read from the database.
 */
export class RoomHead {
  readonly roomId: RoomId;
  readonly version: RoomVersion;
  point: HeadPoint;
  /** Set when another process wrote to the room or a unit failed: `refresh` before the next decision. */
  stale = false;
  /** The newest version that is known to be in the database. */
  #committedVersion: number;
  /** The newest state that is known to be in the database. */
  #committedRoot: StateRoot | undefined;
  readonly #state = new Map<StateKey, Held>();
  /** State of units that are not committed yet; must not be forgotten. */
  readonly #uncommitted = new Map<StateKey, Held>();
  /** Events of units that are not committed yet. */
  readonly #pending = new Map<EventId, StoredEvent>();
  /** The targets of redactions of such units, which are not here. */
  readonly #awaited = new Map<StoredEvent, EventId>();

  constructor(roomId: RoomId, version: RoomVersion, point: HeadPoint) {
    this.roomId = roomId;
    this.version = version;
    this.point = point;
    this.#committedRoot = point.root;
    this.#committedVersion = point.version;
  }

  /** The head of a room that is yet to be made. */
  static empty(roomId: RoomId, version: RoomVersion): RoomHead {
    return new RoomHead(roomId, version, { ...EMPTY });
  }

  /** Reads the head of a room; undefined for an unknown room. */
  static async load(reader: Reader, roomId: RoomId): Promise<RoomHead | undefined> {
    const row = await roomsStore.withState(reader, roomId);
    if (!row) return undefined;
    return new RoomHead(roomId, roomVersion(row.room_version), pointOf(row));
  }

  /** Takes over what other processes wrote, and drops what was decided here and not committed. */
  async refresh(reader: Reader, tries: StateTries): Promise<void> {
    const row = await roomsStore.withState(reader, this.roomId);
    if (!row) throw new Error('A room that was loaded is not in the database');
    for (const key of this.#uncommitted.keys()) this.#state.delete(key);
    this.#uncommitted.clear();
    this.#pending.clear();
    this.#awaited.clear();
    const point = pointOf(row);
    for (const { key } of await tries.difference(this.#committedRoot, point.root)) this.#state.delete(key);
    this.point = point;
    this.#committedRoot = point.root;
    this.#committedVersion = row.version;
    this.stale = false;
  }

  /** One entry of the state that new events are decided against. A room at version 0 is not in the database yet. */
  async state(
    reader: Reader,
    tries: StateTries,
    type: string,
    stateKey: string,
  ): Promise<StoredEvent | undefined> {
    const key = stateKeyOf(type, stateKey);
    const known = this.#uncommitted.get(key) ?? this.#state.get(key);
    if (known) return known.event;
    const { version, root } = this.point;
    if (version === 0) return undefined;
    // Who was never in the room is most of those who join: the trie says so, from memory where the room is in use.
    const isAbsent = type === 'm.room.member' && root !== undefined && !(await tries.get(root, key));
    const row = isAbsent ? undefined : await currentStateStore.state(reader, this.roomId, type, stateKey);
    const event = row && new StoredEvent(row);
    if (!this.#state.has(key)) this.#hold(key, { event });
    return event;
  }

  /** Moves the head on by a unit of work that was handed to the database. */
  advance(decided: Decided): void {
    const { point, events, aside, revised, awaiting } = decided;
    this.point = point;
    for (const [target, redactions] of awaiting) for (const one of redactions) this.#awaited.set(one, target);
    for (const event of [...revised, ...events, ...aside]) this.#pending.set(event.eventId, event);
    for (const [key, event] of changedEntries(decided)) {
      this.#state.delete(key);
      const isAsWritten = event !== undefined && event === decided.state.get(key);
      if (isAsWritten && decided.writtenAhead.get(key) === event.eventId) continue;
      this.#uncommitted.set(key, { event });
    }
  }

  /** A unit of this process was committed: its events may leave memory. */
  committed(decided: Decided): void {
    const { point, events, aside, revised, awaiting } = decided;
    for (const redactions of awaiting.values()) for (const one of redactions) this.#awaited.delete(one);
    if (point.version > this.#committedVersion && !this.stale) {
      this.#committedVersion = point.version;
      this.#committedRoot = point.root;
    }
    for (const event of [...revised, ...events, ...aside]) this.#pending.delete(event.eventId);
    for (const [key, event] of changedEntries(decided)) {
      const held = this.#uncommitted.get(key);
      if (!held || held.event !== event) continue;
      this.#uncommitted.delete(key);
      this.#hold(key, held);
    }
  }

  /** Too many: the entry goes that came first. Which are used last is not followed, for there is a head for each warm room. */
  #hold(key: StateKey, held: Held): void {
    this.#state.set(key, held);
    if (this.#state.size <= STATE_ENTRIES) return;
    const [first] = this.#state.keys();
    if (first !== undefined) this.#state.delete(first);
  }

  /** An event that was handed to the database and is not committed yet. */
  pending(eventId: EventId): StoredEvent | undefined {
    return this.#pending.get(eventId);
  }

  /** All events that were handed to the database and are not committed yet. */
  allPending(): Iterable<StoredEvent> {
    return this.#pending.values();
  }

  /** Redactions of an event that is not here, of units that are not committed yet. */
  pendingRedactions(targetId: EventId): StoredEvent[] {
    return [...this.#awaited].flatMap(([redaction, target]) => (target === targetId ? redaction : []));
  }

  /** Changes were missed: other processes may have written, and redacted what is at hand of the state. */
  missedChanges(): void {
    this.stale = true;
    this.#state.clear();
  }

  /** Another process brought the room to this version, and redacted an event, if one is named. */
  overtaken(version: number, redacted: EventId | undefined): void {
    if (version > this.#committedVersion) this.stale = true;
    if (redacted === undefined) return;
    for (const [key, { event }] of this.#state.entries()) {
      if (event?.eventId === redacted) this.#state.delete(key);
    }
  }
}

function* changedEntries({ state, redactedState }: Decided): Iterable<[StateKey, StoredEvent | undefined]> {
  yield* state;
  yield* redactedState;
}

function pointOf(row: roomsStore.RoomRowWithState): HeadPoint {
  return {
    version: row.version,
    extremities: JSON.parse(row.extremities) as EventId[],
    depth: row.depth,
    root: rootFromBytes(row.state_root),
    joinedCount: row.joined_count,
    invitedCount: row.invited_count,
    remoteJoined: row.remote_joined,
    unsettled: row.unsettled ?? undefined,
  };
}
