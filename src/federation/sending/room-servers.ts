import { boundedCache } from '../../platform/bounded-cache.ts';
import { serverNameOf, type RoomId, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import { eventChange } from '../../rooms/events/room-changes.ts';
import type { Change, Database } from '../../storage/database.ts';
import { ReadCache } from '../../storage/read-cache.ts';
import * as roomServersStore from '../../storage/federation/room-servers-store.ts';

const MOST_ROOMS = 5_000;

/** Which other servers are in which rooms, in memory for rooms in use. */
export class RoomServers {
  readonly #database: Database;
  readonly #ownServer: ServerName;
  readonly #known: ReadCache<RoomId, readonly ServerName[]>;
  /** Position of the last change of the servers of any room. */
  #changedAt: number;

  constructor(database: Database, ownServer: ServerName) {
    this.#database = database;
    this.#ownServer = ownServer;
    this.#changedAt = database.position();
    this.#known = new ReadCache(database, boundedCache(MOST_ROOMS), (change) =>
      this.#mayChangeServers(change) ? change.rooms : [],
    );
    database.subscribe((changes) => {
      const last = changes.findLast((change) => change.topic === 'reset' || this.#mayChangeServers(change));
      if (last) this.#changedAt = last.position;
    });
  }

  /** The other servers with joined members in a room. */
  async of(roomId: RoomId): Promise<readonly ServerName[]> {
    return this.#known.get(roomId, () => roomServersStore.of(this.#database, roomId));
  }

  /** The other servers with joined members in any of some rooms. */
  async ofAny(rooms: Iterable<RoomId>): Promise<ReadonlySet<ServerName>> {
    const servers = new Set<ServerName>();
    const others: RoomId[] = [];
    for (const roomId of rooms) {
      const known = this.#known.known(roomId);
      if (!known) others.push(roomId);
      for (const server of known ?? []) servers.add(server);
    }
    if (others.length === 0) return servers;
    let reading: ReturnType<typeof roomServersStore.ofRooms> | undefined;
    const found = others.map((roomId) =>
      this.#known.get(roomId, async () => {
        reading ??= roomServersStore.ofRooms(this.#database, others);
        return (await reading).get(roomId) ?? [];
      }),
    );
    for (const ofRoom of await Promise.all(found)) for (const server of ofRoom) servers.add(server);
    return servers;
  }

  /** Whether another server has joined members in a room. */
  async isIn(server: ServerName, roomId: RoomId): Promise<boolean> {
    const known = this.#known.known(roomId);
    return known ? known.includes(server) : roomServersStore.isIn(this.#database, server, roomId);
  }

  /** The servers that an outgoing event is for: in a change of membership, also one that leaves by it. */
  async forEvent(roomId: RoomId, position: number): Promise<readonly ServerName[]> {
    const read = () => roomServersStore.at(this.#database, roomId, position);
    // What was read after a change of membership lacks the server that left by it. What held at a position after the last
    // change holds until the next.
    return position > this.#changedAt ? this.#known.get(roomId, read) : read();
  }

  /** Whether a change may be one of the servers in a room. */
  #mayChangeServers(change: Change): boolean {
    if (change.topic === 'state') return true;
    const data = eventChange(change);
    return (
      data?.membership !== undefined &&
      data.stateKey !== undefined &&
      serverNameOf(data.stateKey as UserId) !== this.#ownServer
    );
  }
}
