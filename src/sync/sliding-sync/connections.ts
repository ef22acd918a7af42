import { LRUCache } from 'lru-cache';
import type { RoomId } from '../../protocol/identifiers.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { Database } from '../../storage/database.ts';
import * as slidingSyncStore from '../../storage/rooms/sliding-sync-store.ts';
import type { ConnectionOwner } from '../../storage/rooms/sliding-sync-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { Connection, type SentRoom, type Settled } from './connection.ts';
import { mergeState, stateText } from './connection-state.ts';

/** Rooms of all connections together that are kept in memory. */
const MOST_ROOMS = 300_000;
/** Connections of one device that are kept. */
const MOST_OF_DEVICE = 10;
/** Answers after which what they sent is written anew in one piece. */
const LONGEST_CHAIN = 16;
const FORGET_AFTER_MS = 30 * 24 * 60 * 60 * 1000;
const FORGET_EVERY = 500;

/**
 * What was sent to whom (MSC4186, "Connections"). Each answer that adds to it is written down as one row, so that the next
 * request may reach another process, or come again. Answers that only tell what is new in rooms sent before add nothing.
 */
export class Connections {
  readonly #database: Database;
  readonly #clock: { now(): number };
  readonly #opaque: (length: number) => string;
  readonly #known = new LRUCache<string, Connection>({
    maxSize: MOST_ROOMS,
    sizeCalculation: (connection) => 1 + connection.rooms.size,
  });
  #saves = 0;

  constructor(database: Database, clock: { now(): number }, opaque: (length: number) => string) {
    this.#database = database;
    this.#clock = clock;
    this.#opaque = opaque;
  }

  /**
   * The connection as it was after one of its answers.
   *
   * @param generation of the answer; empty for a connection that was sent nothing.
   * @throws MatrixError 400 M_UNKNOWN_POS when that is not known (any more).
   */
  async resume(owner: ConnectionOwner, generation: string): Promise<Connection> {
    if (generation === '') return new Connection(owner, '', new Map(), 0);
    const key = keyOf(owner);
    const known = this.#known.get(key);
    if (known?.acknowledge(generation) === true) return known;
    const loaded = await this.#load(owner, generation);
    this.#known.set(key, loaded);
    return loaded;
  }

  /**
   * Notes what an answer sends, and gives the generation that it is of.
   *
   * @param settled what is known of the rooms once the client has the answer.
   */
  async save(
    connection: Connection,
    changes: ReadonlyMap<RoomId, SentRoom>,
    settled: Settled,
  ): Promise<string> {
    if (changes.size === 0) {
      connection.settled = settled;
      return connection.generation;
    }
    const { owner } = connection;
    const generation = this.#opaque(10);
    const now = this.#clock.now();
    const unit = new UnitOfWork();
    const parent = connection.generation;
    if (parent === '') {
      slidingSyncStore.remove(unit, owner);
    } else if (connection.chain >= LONGEST_CHAIN) {
      slidingSyncStore.remove(unit, owner);
      const whole = { generation: parent, parent: '', state: stateText(connection.rooms) };
      slidingSyncStore.add(unit, owner, whole, now);
      connection.chain = 1;
    } else {
      slidingSyncStore.removeAfter(unit, owner, parent);
    }
    slidingSyncStore.add(unit, owner, { generation, parent, state: stateText(changes) }, now);
    if (parent === '') slidingSyncStore.removeUnused(unit, owner, MOST_OF_DEVICE);
    this.#saves += 1;
    if (this.#saves % FORGET_EVERY === 0) slidingSyncStore.removeOlderThan(unit, now - FORGET_AFTER_MS);
    await this.#database.commit(unit);
    connection.follow(generation, changes, settled);
    this.#known.set(keyOf(owner), connection);
    return generation;
  }

  async #load(owner: ConnectionOwner, generation: string): Promise<Connection> {
    const rows = new Map(
      (await slidingSyncStore.states(this.#database, owner)).map((row) => [row.generation, row]),
    );
    const chain: string[] = [];
    for (let next = generation; next !== '';) {
      const row = rows.get(next);
      if (!row || chain.length > rows.size) throw unknownPos();
      chain.push(row.state);
      next = row.parent;
    }
    const rooms = new Map<RoomId, SentRoom>();
    for (const state of chain.reverse()) mergeState(rooms, state);
    return new Connection(owner, generation, rooms, chain.length);
  }
}

/** 400 M_UNKNOWN_POS: the client is to begin a new connection. */
export function unknownPos(): MatrixError {
  return new MatrixError(
    400,
    'M_UNKNOWN_POS',
    'This "pos" is not known (any more): begin anew with a request without "pos"',
  );
}

function keyOf({ userId, deviceId, connId }: ConnectionOwner): string {
  return `${userId}\0${deviceId}\0${connId}`;
}
