import { boundedCache } from '../../platform/bounded-cache.ts';
import { serverNameOf, type RoomId, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import { eventChange } from '../../rooms/events/room-changes.ts';
import type { Change, Database } from '../../storage/database.ts';
import * as roomServersStore from '../../storage/federation/room-servers-store.ts';

const MOST_ROOMS = 5_000;

/** Which other servers are in which rooms, in memory for rooms in use. */
export class RoomServers {
  readonly #database: Database;
  readonly #ownServer: ServerName;
  readonly #known = boundedCache<RoomId, readonly ServerName[]>(MOST_ROOMS);
  #deliveries = 0;
  /** Position of the last change of the servers of any room. */
  #changedAt: number;

  constructor(database: Database, ownServer: ServerName) {
    this.#database = database;
    this.#ownServer = ownServer;
    this.#changedAt = database.position();
    database.subscribe((changes) => {
      this.#deliveries += 1;
      for (const change of changes) this.#note(change);
    });
  }

  /** The other servers with joined members in a room. */
  async of(roomId: RoomId): Promise<readonly ServerName[]> {
    return this.#known.get(roomId) ?? this.#read(roomId);
  }

  /** The other servers with joined members in any of some rooms. */
  async ofAny(rooms: Iterable<RoomId>): Promise<ReadonlySet<ServerName>> {
    const servers = new Set<ServerName>();
    const others: RoomId[] = [];
    for (const roomId of rooms) {
      const known = this.#known.get(roomId);
      if (!known) others.push(roomId);
      for (const server of known ?? []) servers.add(server);
    }
    if (others.length === 0) return servers;
    const deliveries = this.#deliveries;
    const read = await roomServersStore.ofRooms(this.#database, others);
    for (const roomId of others) {
      const found = read.get(roomId) ?? [];
      for (const server of found) servers.add(server);
      if (deliveries === this.#deliveries) this.#known.set(roomId, found);
    }
    return servers;
  }

  /** Whether another server has joined members in a room. */
  async isIn(server: ServerName, roomId: RoomId): Promise<boolean> {
    const known = this.#known.get(roomId);
    return known ? known.includes(server) : roomServersStore.isIn(this.#database, server, roomId);
  }

  /** The servers that an outgoing event is for: in a change of membership, also one that leaves by it. */
  async forEvent(roomId: RoomId, position: number): Promise<readonly ServerName[]> {
    const known = this.#known.get(roomId);
    // What was read after a change of membership lacks the server that left by it.
    if (known && position > this.#changedAt) return known;
    const deliveries = this.#deliveries;
    const servers = await roomServersStore.at(this.#database, roomId, position);
    // What held at the position holds until the next change that is told.
    if (position > this.#changedAt && deliveries === this.#deliveries) this.#known.set(roomId, servers);
    return servers;
  }

  /** Forgets what is known of a room whose servers were set by other ways than its events. */
  forget(roomId: RoomId): void {
    this.#known.delete(roomId);
  }

  async #read(roomId: RoomId): Promise<readonly ServerName[]> {
    const deliveries = this.#deliveries;
    const servers = await roomServersStore.of(this.#database, roomId);
    if (deliveries === this.#deliveries) this.#known.set(roomId, servers);
    return servers;
  }

  #note(change: Change): void {
    const data = eventChange(change);
    const isMove =
      data?.membership !== undefined &&
      data.stateKey !== undefined &&
      serverNameOf(data.stateKey as UserId) !== this.#ownServer;
    if (change.topic === 'reset') this.#known.clear();
    else if (change.topic !== 'state' && !isMove) return;
    this.#changedAt = change.position;
    for (const roomId of change.rooms) this.#known.delete(roomId);
  }
}
