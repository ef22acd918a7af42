import type { Timer } from '../../platform/timers.ts';
import { inParts } from '../../platform/list-parts.ts';
import { nextTurn } from '../../platform/next-turn.ts';
import { serverNameOf, type EventId, type RoomId, type ServerName } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { eventChange } from '../../rooms/events/room-changes.ts';
import type { Change, Writer } from '../../storage/database.ts';
import * as outgoingStore from '../../storage/federation/outgoing-store.ts';
import type { Position } from '../../storage/unit-of-work.ts';
import { DestinationQueue, type QueueNeeds } from './destination-queue.ts';
import type { RoomServers } from './room-servers.ts';
import { SendingSlots } from './sending-slots.ts';
import type { VolatileEdu } from './volatile-edus.ts';

/** Transactions under way at once, to all servers together that are not slow, and as many to those that are. */
const AT_ONCE = 100;
/** Queues that are kept although they have nothing to do. */
const MOST_IDLE = 2_000;
const PAGE = 500;
/** Queues that are handed an event in one go: then others have a turn, such as the answer to whoever sent it. */
const QUEUES_A_TURN = 8;
/** Servers named in one change. */
const MOST_NAMED = 50;
/** How often a process looks for what others may have left behind, in milliseconds. */
const LOOK_MS = 60_000;
/** How soon it looks again when it may have missed something while it looked, in milliseconds. */
const LOOK_AGAIN_MS = 1_000;

/** What there is to do for servers, told by a change of the log. */
interface OutgoingEvent {
  readonly roomId: RoomId;
  readonly position: number;
  readonly eventId: EventId;
  readonly sender: ServerName;
  /** Whether it is a join of which servers are told in EDUs, too (`DeviceListsOnJoin`). */
  readonly isUntold: boolean;
  /** Whether this process committed it. */
  readonly isLocal: boolean;
}

/**
 * Sends what is for other servers: outgoing events, which wait in the log; stored EDUs, which must arrive; and volatile
 * ones. Of several processes, the one whose lease a server is sends to it; what a process commits makes it try for the
 * lease.
 */
export class FederationSender {
  readonly #needs: Omit<QueueNeeds, 'slots'>;
  readonly #servers: RoomServers;
  readonly #slots: SendingSlots;
  readonly #queues = new Map<ServerName, DestinationQueue>();
  #routing: OutgoingEvent[] = [];
  #isRouting = false;
  #isStopped = true;
  #look: Timer | undefined;
  #isLooking = false;
  /** Something may have been missed since it began to look. */
  #mayHaveMissed = false;
  /** What reads the database outside of the queues; done before they stop. */
  #routed = Promise.resolve();
  #found = Promise.resolve();

  constructor(needs: Omit<QueueNeeds, 'slots'>, servers: RoomServers) {
    this.#needs = needs;
    this.#servers = servers;
    this.#slots = new SendingSlots(AT_ONCE, needs.clock);
    needs.database.subscribe((changes) => {
      if (!this.#isStopped) for (const change of changes) this.#note(change);
    });
    needs.backOff.onHeard((server) => this.#queues.get(server)?.wake());
  }

  /** Begins to send, first what waits from before. */
  start(): void {
    this.#isStopped = false;
    this.#wakeWaiting();
  }

  /** Whether it has not begun, or has ended. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Ends after the transactions under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#look?.cancel();
    await Promise.all([this.#routed, this.#found]);
    await Promise.all([...this.#queues.values()].map((queue) => queue.stop()));
    await this.#needs.leases.close();
  }

  /** Sends volatile data to servers, if they can be reached soon. `isLocal`: not only to those that are this process's. */
  sendSoon(servers: Iterable<ServerName>, edu: VolatileEdu, isLocal: boolean): void {
    if (this.#isStopped) return;
    for (const server of servers) if (this.#isMine(server, isLocal)) this.#queue(server).addEdu(edu);
  }

  #note(change: Change): void {
    if (change.topic === 'reset') {
      for (const queue of this.#queues.values()) queue.readAgain();
      this.#wakeWaiting();
    }
    if (change.topic === 'destination' && isJsonObject(change.data) && Array.isArray(change.data.edusFor)) {
      for (const server of change.data.edusFor as ServerName[]) {
        if (this.#isMine(server, change.isOwn)) this.#queue(server).expectStoredEdus();
      }
    }
    const data = eventChange(change);
    const roomId = change.rooms[0];
    if (data?.outgoing !== true || roomId === undefined) return;
    const { position } = change;
    const sender = serverNameOf(data.sender);
    this.#routing.push({
      roomId,
      position,
      sender,
      eventId: data.eventId,
      isUntold: data.untold === true,
      isLocal: change.isOwn,
    });
    if (!this.#isRouting) this.#routed = this.#route();
  }

  /** Hands events to the queues of the servers in their rooms, in the order of the log. */
  async #route(): Promise<void> {
    this.#isRouting = true;
    try {
      for (let event = this.#routing.shift(); event; event = this.#routing.shift()) {
        if (this.#isStopped) break;
        let handed = 0;
        for (const server of await this.#servers.forEvent(event.roomId, event.position)) {
          if (server === event.sender || !this.#isMine(server, event.isLocal)) continue;
          this.#queue(server).addEvent(event.position, event.eventId, event.isUntold);
          if (++handed % QUEUES_A_TURN === 0) await nextTurn();
        }
      }
    } catch (error) {
      this.#needs.onProblem(error);
      for (const queue of this.#queues.values()) queue.readAgain();
    } finally {
      this.#isRouting = false;
    }
  }

  #isMine(server: ServerName, isLocal: boolean): boolean {
    return isLocal || this.#needs.leases.holds(server);
  }

  #queue(server: ServerName): DestinationQueue {
    const known = this.#queues.get(server);
    if (known) return known;
    if (this.#queues.size >= MOST_IDLE) this.#dropIdle();
    const queue = new DestinationQueue(server, { ...this.#needs, slots: this.#slots });
    this.#queues.set(server, queue);
    return queue;
  }

  #dropIdle(): void {
    for (const [server, queue] of this.#queues) if (queue.isIdle) this.#queues.delete(server);
  }

  /**
   * Looks for what no process may be about to send: at the start, when what others committed may have been missed, and
   * where several processes run also later.
   */
  #wakeWaiting(): void {
    this.#mayHaveMissed = this.#isLooking;
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#look?.cancel();
    this.#found = this.#findWaiting()
      .catch(this.#needs.onProblem)
      .finally(() => {
        this.#isLooking = false;
        if (this.#isStopped || (this.#needs.database.engine === 'sqlite' && !this.#mayHaveMissed)) return;
        const ms = this.#mayHaveMissed ? LOOK_AGAIN_MS : LOOK_MS;
        this.#look = this.#needs.timers.after(ms, () => this.#wakeWaiting());
      });
  }

  async #findWaiting(): Promise<void> {
    const { database } = this.#needs;
    let place: outgoingStore.RoomServerPlace = { server_name: '', room_id: '' };
    for (;;) {
      const rows = await outgoingStore.waiting(database, place, PAGE);
      for (const row of rows) if (Number(row.waits) === 1) this.#find(row.server_name);
      const last = rows.at(-1);
      if (!last || rows.length < PAGE || this.#isStopped) break;
      place = last;
      await nextTurn();
    }
    for (let after = ''; !this.#isStopped;) {
      const servers = await outgoingStore.serversOfEdus(database, after, PAGE);
      for (const server of servers) this.#find(server);
      const last = servers.at(-1);
      if (last === undefined || servers.length < PAGE) break;
      after = last;
    }
  }

  /** Has sent what waits for a server. A queue at rest that left it to another process reads again: that one may have died. */
  #find(server: ServerName): void {
    const known = this.#queues.get(server);
    if (!known) this.#queue(server).wake();
    else if (known.isIdle && !this.#needs.leases.holds(server)) known.readAgain();
  }
}

/** Keeps ephemeral data for servers until they have taken it, and tells whoever sends to them. */
export function storeEdu(
  unit: Writer,
  servers: readonly ServerName[],
  type: string,
  content: JsonObject,
): void {
  if (servers.length === 0) return;
  const text = JSON.stringify(content);
  const position = unit.position();
  for (const server of servers) outgoingStore.addEdu(unit, server, { type, content: text }, position);
  announceStored(unit, servers, position);
}

/** Tells whoever sends to the servers that something is kept for them. */
export function announceStored(unit: Writer, servers: readonly ServerName[], position: Position): void {
  for (const edusFor of inParts(servers, MOST_NAMED)) {
    unit.announce({ topic: 'destination', position, data: { edusFor } });
  }
}
