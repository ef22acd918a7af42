import { boundedCache } from '../../platform/bounded-cache.ts';
import { stateKeyOf, type StateKey } from '../../protocol/events/event.ts';
import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import type { StateConflicts } from '../../protocol/state-resolution/conflicts.ts';
import type { EventSource } from '../../protocol/state-resolution/event-source.ts';
import type { Reader } from '../../storage/database.ts';
import * as eventsStore from '../../storage/rooms/events-store.ts';
import { authChainDifference } from './auth-chains/auth-chain-difference.ts';
import type { AuthChainIndex } from './auth-chains/auth-chain-index.ts';
import type { RoomRules } from '../appending/room-rules.ts';
import type { NewNode, StateTries } from './state-trie.ts';
import type { StateRoot, StoredEvent } from '../events/stored-event.ts';

/** Finds events wherever they are: in the database, or handed to it and not committed yet. */
export interface EventLookup {
  /** Those of the events that are known. */
  eventsOf(eventIds: Iterable<EventId>): Promise<Map<EventId, StoredEvent>>;
  /** The events that are not committed yet. */
  uncommitted(): Iterable<StoredEvent>;
}

/** The room whose states are resolved. */
export interface ResolvedRoom {
  readonly roomId: RoomId;
  readonly version: RoomVersion;
}

/** What one state has for a key and others have not. */
type Changes = ReadonlyMap<StateKey, EventId | undefined>;

/** A resolution, and where its nodes have their place: resolved again, the states come to the same root. */
interface Remembered {
  readonly changes: Changes;
  readonly position: number;
}

/** Resolutions remembered: a fork that lasts is resolved for each event. */
const REMEMBERED = 2_000;
/** Where more events have been read than this, the auth chains are long, and their index is asked. */
const MOST_WALKED = 500;
/** State events that may be missing in the index; with more it is brought up to date first. */
const MOST_UNPLACED = 2_000;
const ENOUGH_UNPLACED = 50;
/** Steps along auth events that are read ahead at most. */
const FURTHEST_AHEAD = 256;

/**
 * Resolves states that are tries. The conflict is the difference of the tries, and of the events only what the algorithm
 * asks for is read, so the cost grows with the conflict and how far back it reaches, not with the room.
 */
export class StateResolver {
  readonly #tries: StateTries;
  readonly #rules: RoomRules;
  readonly #authChains: AuthChainIndex;
  readonly #remembered = boundedCache<string, Remembered>(REMEMBERED);

  constructor(tries: StateTries, rules: RoomRules, authChains: AuthChainIndex) {
    this.#tries = tries;
    this.#rules = rules;
    this.#authChains = authChains;
  }

  /**
   * The resolution of states (Room Versions, "State resolution"), and the nodes that are new in it. Undefined for none.
   */
  async resolve(
    room: ResolvedRoom,
    roots: Iterable<StateRoot>,
    lookup: EventLookup,
    reader: Reader,
  ): Promise<{ root: StateRoot; nodes: NewNode[] } | undefined> {
    const distinct = [...new Set(roots)].sort();
    const [base] = distinct;
    if (base === undefined) return undefined;
    if (distinct.length === 1) return { root: base, nodes: [] };
    const name = `${room.version.id}\0${distinct.join('')}`;
    let remembered = this.#remembered.get(name);
    if (!remembered) {
      const changes = await this.#decide(room, distinct, lookup, reader);
      remembered = { changes, position: this.#tries.position() };
      this.#remembered.set(name, remembered);
    }
    return this.#tries.set(base, [...remembered.changes], remembered.position);
  }

  /** What the resolution has otherwise than the first state. */
  async #decide(
    room: ResolvedRoom,
    roots: readonly StateRoot[],
    lookup: EventLookup,
    reader: Reader,
  ): Promise<Changes> {
    const base = roots[0] as StateRoot;
    const { conflicted, agreed } = await this.#conflicts(room.version, roots);
    const known = new KnownPart(base, agreed, conflicted);
    const conflicts: StateConflicts = { unconflicted: known, conflicted };
    let difference: ReadonlySet<EventId> | undefined;
    let isWalking = true;
    for (let ahead = 1; ; ahead = Math.min(ahead * 2, FURTHEST_AHEAD)) {
      const resolved = this.#rules.resolveConflicts(
        room.version,
        { ...conflicts, authDifference: difference },
        known,
      );
      if (isWalking && known.size > MOST_WALKED && room.version.stateResolution !== 'v1') {
        isWalking = false;
        difference = await this.#difference(room, known, conflicts, { lookup, reader });
        if (difference) {
          known.askAnew();
          ahead = 1;
          continue;
        }
      }
      if (await known.learn(this.#tries, { lookup, reader, roomId: room.roomId, ahead })) continue;
      const changes = new Map<StateKey, EventId | undefined>(agreed);
      for (const key of conflicted.keys()) changes.set(key, resolved.get(key));
      return changes;
    }
  }

  /** The auth difference by the index of the room's auth chains; undefined where that is not to be had. */
  async #difference(
    { roomId }: ResolvedRoom,
    known: KnownPart,
    { conflicted }: StateConflicts,
    { lookup, reader }: { lookup: EventLookup; reader: Reader },
  ): Promise<ReadonlySet<EventId> | undefined> {
    const rows = await this.#authChains.unplaced(roomId, MOST_UNPLACED);
    if (!rows || rows.length > ENOUGH_UNPLACED) void this.#authChains.update(roomId);
    if (!rows) return undefined;
    const unplaced = new Map<EventId, { key: StateKey; authEventIds: readonly EventId[] }>();
    for (const row of rows) unplaced.set(row.eventId, row);
    for (const { eventId, type, stateKey, authEventIds } of lookup.uncommitted()) {
      if (stateKey !== undefined) unplaced.set(eventId, { key: stateKeyOf(type, stateKey), authEventIds });
    }
    return authChainDifference({
      ...{ reader, conflicted, unplaced },
      agreed: (key) => known.agreed(this.#tries, key),
      eventsOf: (ids) => lookup.eventsOf(ids),
    });
  }

  async #conflicts(
    version: RoomVersion,
    roots: readonly StateRoot[],
  ): Promise<{
    conflicted: Map<StateKey, (EventId | undefined)[]>;
    agreed: Map<StateKey, EventId>;
  }> {
    const [base, ...others] = roots;
    const values = new Map<StateKey, (EventId | undefined)[]>();
    for (const [i, other] of others.entries()) {
      for (const { key, before, after } of await this.#tries.difference(base, other)) {
        const ofKey = values.get(key) ?? roots.map(() => before);
        ofKey[i + 1] = after;
        values.set(key, ofKey);
      }
    }
    const agreed = new Map<StateKey, EventId>();
    if (version.stateResolution !== 'v1') return { conflicted: values, agreed };
    for (const [key, ofKey] of values) {
      const present = new Set(ofKey.filter((id) => id !== undefined));
      const [only] = present;
      if (present.size !== 1 || only === undefined) continue;
      agreed.set(key, only);
      values.delete(key);
    }
    return { conflicted: values, agreed };
  }
}

/** What has been read so far for a resolution, which notes what it lacks. */
class KnownPart implements EventSource {
  readonly #base: StateRoot;
  readonly #agreed: ReadonlyMap<StateKey, EventId>;
  readonly #conflicted: ReadonlyMap<StateKey, unknown>;
  readonly #events = new Map<EventId, StoredEvent | undefined>();
  readonly #entries = new Map<StateKey, EventId | undefined>();
  #deeper: { than: number; ids: EventId[] } | undefined;
  readonly #lacksEvents = new Set<EventId>();
  readonly #lacksEntries = new Set<StateKey>();
  #lacksDeeperThan: number | undefined;

  constructor(
    base: StateRoot,
    agreed: ReadonlyMap<StateKey, EventId>,
    conflicted: ReadonlyMap<StateKey, unknown>,
  ) {
    this.#base = base;
    this.#agreed = agreed;
    this.#conflicted = conflicted;
  }

  /** Events looked up so far. */
  get size(): number {
    return this.#events.size;
  }

  /** Forgets what is lacking: it is asked for again, if still. */
  askAnew(): void {
    this.#lacksEvents.clear();
    this.#lacksEntries.clear();
    this.#lacksDeeperThan = undefined;
  }

  /** An entry of the state that is not in conflict, read where it is not known. */
  async agreed(tries: StateTries, key: StateKey): Promise<EventId | undefined> {
    if (this.#conflicted.has(key)) return undefined;
    return this.#agreed.get(key) ?? tries.get(this.#base, key);
  }

  event(id: EventId): StoredEvent | undefined {
    if (!this.#events.has(id)) this.#lacksEvents.add(id);
    return this.#events.get(id);
  }

  rejected(id: EventId): boolean {
    return this.event(id)?.refused === 'rejected';
  }

  authDepth(id: EventId): number | undefined {
    return this.event(id)?.authDepth;
  }

  /** An entry of the state that is not in conflict. */
  get(key: StateKey): EventId | undefined {
    if (this.#conflicted.has(key)) return undefined;
    const agreed = this.#agreed.get(key);
    if (agreed !== undefined) return agreed;
    if (!this.#entries.has(key)) this.#lacksEntries.add(key);
    return this.#entries.get(key);
  }

  /** Events of the state that is not in conflict, those deeper along auth events at least. */
  values(deeperThan: number): Iterable<EventId> {
    if (this.#deeper && this.#deeper.than <= deeperThan) return this.#deeper.ids;
    this.#lacksDeeperThan = Math.min(this.#lacksDeeperThan ?? Infinity, deeperThan);
    return [];
  }

  /** Reads what was asked for and is lacking. False when there is nothing. */
  async learn(
    tries: StateTries,
    from: { lookup: EventLookup; reader: Reader; roomId: RoomId; ahead: number },
  ): Promise<boolean> {
    const deeperThan = this.#lacksDeeperThan;
    this.#lacksDeeperThan = undefined;
    // While events are lacking, how deep the shared state has to be known is not known either.
    if (this.#lacksEvents.size + this.#lacksEntries.size === 0) {
      if (deeperThan === undefined) return false;
      await this.#learnDeeper(tries, from, deeperThan);
      return true;
    }
    await this.#learnEvents(from.lookup, from.ahead);
    for (const key of this.#lacksEntries) this.#entries.set(key, await tries.get(this.#base, key));
    this.#lacksEntries.clear();
    return true;
  }

  /** With auth events of auth events, as many steps ahead as asked. */
  async #learnEvents(lookup: EventLookup, ahead: number): Promise<void> {
    let wanted = [...this.#lacksEvents];
    this.#lacksEvents.clear();
    for (let step = 0; step <= ahead && wanted.length > 0; step++) {
      const found = await lookup.eventsOf(wanted);
      const next = new Set<EventId>();
      for (const id of wanted) {
        const event = found.get(id);
        this.#events.set(id, event);
        for (const auth of event?.authEventIds ?? []) if (!this.#events.has(auth)) next.add(auth);
      }
      wanted = [...next];
    }
  }

  async #learnDeeper(
    tries: StateTries,
    { lookup, reader, roomId }: { lookup: EventLookup; reader: Reader; roomId: RoomId },
    than: number,
  ): Promise<void> {
    const deeper = new Map<EventId, StateKey>();
    for (const row of await eventsStore.deeperThan(reader, roomId, than)) {
      deeper.set(row.event_id, stateKeyOf(row.type, row.state_key));
    }
    for (const { eventId, type, stateKey, authDepth } of lookup.uncommitted()) {
      if ((authDepth ?? 0) > than) deeper.set(eventId, stateKeyOf(type, stateKey ?? ''));
    }
    const ids: EventId[] = [];
    for (const [id, key] of deeper) {
      if (this.#conflicted.has(key)) continue;
      const held = this.#agreed.get(key) ?? (await tries.get(this.#base, key));
      if (held === id) ids.push(id);
    }
    this.#deeper = { than, ids };
  }
}
