import { createHash } from 'node:crypto';
import { referencesOf } from '../../../protocol/events/event-format.ts';
import { stateKeyOf, type StateKey } from '../../../protocol/events/event.ts';
import type { EventId, RoomId } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import * as authChains from '../../../storage/rooms/auth-chains-store.ts';
import { GuardFailed, type Database } from '../../../storage/database.ts';
import { UnitOfWork } from '../../../storage/unit-of-work.ts';

/** Names a chain: the first 16 bytes of the SHA-256 of its first event's ID, as a string of as many characters. */
export type ChainName = string & { readonly __brand: 'ChainName' };

/** Where an event stands. */
export interface AuthPlace {
  readonly chain: ChainName;
  readonly seq: number;
}

/** A state event that is to be put into the index, or is not in it yet. */
export interface UnplacedEvent {
  readonly eventId: EventId;
  readonly key: StateKey;
  readonly authDepth: number | undefined;
  readonly authEventIds: readonly EventId[];
}

/** Events put into the index in one unit of work. */
const PAGE = 250;
const CREATE = stateKeyOf('m.room.create', '');

/**
 * Divides the auth chains of a room into chains, each of events of one key of state that cite each other: who is at one
 * place of a chain reaches all before it, and where a chain first reaches further into another is a link. So what an event
 * reaches is known from a few numbers, however long the chains are. Nothing is reached by way of m.room.create, which is
 * left out.
 *
 * Rooms get an index when they need one, in the background, and it is brought up to date when it is used: sending costs nothing
 * for it.
 */
export class AuthChainIndex {
  readonly #database: Database;
  readonly #onProblem: (error: unknown) => void;
  #stopped = false;
  readonly #updates = new Map<RoomId, Promise<void>>();

  constructor(database: Database, onProblem: (error: unknown) => void) {
    this.#database = database;
    this.#onProblem = onProblem;
  }

  /**
   * State events of a room that are not in its index yet; undefined where there is no index, or where they are more than
   * `limit`.
   */
  async unplaced(roomId: RoomId, limit: number): Promise<UnplacedEvent[] | undefined> {
    const row = await authChains.indexOf(this.#database, roomId);
    if (!row || row.up_to < 0) return undefined;
    const now = this.#database.position();
    const rows = await authChains.stateWrittenSince(this.#database, roomId, row.up_to, now, limit + 1);
    return rows.length > limit ? undefined : rows.map(unplacedEvent);
  }

  /** Makes the index of a room, or brings it up to date. Of several processes that do so, one goes on. Never rejects. */
  update(roomId: RoomId): Promise<void> {
    const known = this.#updates.get(roomId);
    if (known) return known;
    if (this.#stopped) return Promise.resolve();
    const update = this.#update(roomId)
      .catch((error: unknown) => {
        if (!(error instanceof GuardFailed)) this.#onProblem(error);
      })
      .finally(() => this.#updates.delete(roomId));
    this.#updates.set(roomId, update);
    return update;
  }

  /** Begins no further step of updates under way, and waits for the present ones. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#updates.values());
  }

  async #update(roomId: RoomId): Promise<void> {
    const now = this.#database.position();
    const row = await authChains.indexOf(this.#database, roomId);
    if (!row) {
      const unit = new UnitOfWork();
      authChains.begin(unit, roomId);
      await this.#database.commit(unit);
    }
    const from = row ?? { up_to: -1, step: 0 };
    if (from.up_to < 0) return this.#build(roomId, from.step, now);
    const rows = await authChains.stateWrittenSince(this.#database, roomId, from.up_to, now, PAGE + 1);
    if (rows.length > PAGE) return this.#build(roomId, from.step, now);
    const events = rows.map(unplacedEvent).sort((a, b) => (a.authDepth ?? 0) - (b.authDepth ?? 0));
    await this.#write(roomId, events, { step: from.step, upTo: now });
  }

  /** Goes through all state events of the room, those first that others cite. */
  async #build(roomId: RoomId, first: number, now: number): Promise<void> {
    let after = { depth: 0, eventId: '' };
    for (let step = first; !this.#stopped; step++) {
      const rows = await authChains.stateByDepth(this.#database, roomId, after, PAGE);
      const last = rows.at(-1);
      const isOver = last === undefined || rows.length < PAGE;
      await this.#write(roomId, rows.map(unplacedEvent), { step, upTo: isOver ? now : -1 });
      if (isOver) return;
      after = { depth: last.auth_depth ?? 0, eventId: last.event_id };
    }
  }

  async #write(
    roomId: RoomId,
    events: readonly UnplacedEvent[],
    { step, upTo }: { step: number; upTo: number },
  ): Promise<void> {
    const unit = new UnitOfWork();
    authChains.move(unit, roomId, step, upTo);
    const placing = new Placing(this.#database, unit);
    await placing.know(events);
    for (const event of events) {
      // Of some it is not known what they reach: whoever meets them has to walk.
      if (event.key !== CREATE && event.authDepth !== undefined) await placing.place(event);
    }
    await this.#database.commit(unit);
  }
}

/** Gives places to events, each after those that it cites. */
class Placing {
  readonly #database: Database;
  readonly #unit: UnitOfWork;
  readonly #places = new Map<EventId, AuthPlace>();
  readonly #ends = new Map<ChainName, number>();
  readonly #reach = new Map<string, number>();
  readonly #keys = new Map<EventId, StateKey>();

  constructor(database: Database, unit: UnitOfWork) {
    this.#database = database;
    this.#unit = unit;
  }

  /** Reads the places of the events and of those that they cite. */
  async know(events: readonly UnplacedEvent[]): Promise<void> {
    const ids = new Set<EventId>();
    for (const { eventId, key, authEventIds } of events) {
      this.#keys.set(eventId, key);
      for (const id of [eventId, ...authEventIds]) ids.add(id);
    }
    for (const [id, place] of await placesOf(this.#database, [...ids])) this.#places.set(id, place);
  }

  async place({ eventId, key, authEventIds }: UnplacedEvent): Promise<void> {
    if (this.#places.has(eventId)) return;
    const cited = authEventIds.flatMap((id) => this.#places.get(id) ?? []);
    const before = await this.#extensible(key, authEventIds);
    const own = before ? { chain: before.chain, seq: before.seq + 1 } : { chain: chainFrom(eventId), seq: 1 };
    this.#places.set(eventId, own);
    this.#ends.set(own.chain, own.seq);
    authChains.place(this.#unit, { event_id: eventId, chain: bytesOf(own.chain), seq: own.seq });
    for (const target of cited) await this.#link(own, target, before === undefined);
  }

  /** The place of the cited event of the same key, if it is the last of its chain. */
  async #extensible(key: StateKey, authEventIds: readonly EventId[]): Promise<AuthPlace | undefined> {
    for (const id of authEventIds) {
      const place = this.#places.get(id);
      if (!place || (await this.#keyOf(id, place)) !== key) continue;
      let end = this.#ends.get(place.chain);
      if (end === undefined) {
        end = await authChains.endOf(this.#database, bytesOf(place.chain));
        this.#ends.set(place.chain, end);
      }
      if (end === place.seq) return place;
    }
    return undefined;
  }

  async #keyOf(id: EventId, place: AuthPlace): Promise<StateKey | undefined> {
    const known = this.#keys.get(id);
    if (known !== undefined) return known;
    const row = await authChains.keyOf(this.#database, bytesOf(place.chain));
    if (!row) return undefined;
    const key = stateKeyOf(row.type, row.state_key);
    this.#keys.set(id, key);
    return key;
  }

  async #link(own: AuthPlace, target: AuthPlace, isNewChain: boolean): Promise<void> {
    if (own.chain === target.chain) return;
    const name = own.chain + target.chain;
    let reached = this.#reach.get(name);
    if (reached === undefined) {
      const [chain, other] = [bytesOf(own.chain), bytesOf(target.chain)];
      reached = isNewChain ? 0 : await authChains.reachOf(this.#database, chain, other);
    }
    this.#reach.set(name, Math.max(reached, target.seq));
    if (reached >= target.seq) return;
    authChains.link(this.#unit, {
      ...{ chain: bytesOf(own.chain), seq: own.seq },
      ...{ target_chain: bytesOf(target.chain), target_seq: target.seq },
    });
  }
}

/** Places of those of the events that are in an index. */
export async function placesOf(
  reader: Pick<Database, 'all' | 'get'>,
  eventIds: readonly EventId[],
): Promise<Map<EventId, AuthPlace>> {
  const rows = await authChains.placesOf(reader, eventIds);
  return new Map(rows.map((row) => [row.event_id, { chain: nameOf(row.chain), seq: row.seq }]));
}

/** A chain's name as it is kept in the database. */
export function bytesOf(chain: ChainName): Uint8Array {
  return Buffer.from(chain, 'latin1');
}

/** A chain's name as it was read from the database. */
export function nameOf(bytes: Uint8Array): ChainName {
  return Buffer.from(bytes).toString('latin1') as ChainName;
}

function chainFrom(eventId: EventId): ChainName {
  return createHash('sha256').update(eventId).digest().toString('latin1', 0, 16) as ChainName;
}

function unplacedEvent(row: authChains.UnplacedRow): UnplacedEvent {
  const envelope = JSON.parse(row.envelope) as JsonObject;
  return {
    eventId: row.event_id,
    key: stateKeyOf(row.type, row.state_key),
    authDepth: row.auth_depth ?? undefined,
    authEventIds: referencesOf(envelope.auth_events),
  };
}
