import type { EventId, ServerName } from '../../protocol/identifiers.ts';
import type { Database } from '../../storage/database.ts';
import * as outgoingStore from '../../storage/federation/outgoing-store.ts';
import { MOST_PDUS } from '../receiving/transaction-receiver.ts';

/** An event, and its position in the log. */
interface Waiting {
  readonly position: number;
  readonly eventId: EventId;
}

/** Events kept in memory for a server; more are read from the log when it is their turn. */
const MOST_IN_MEMORY = 500;
/** With more events than this behind, a server is sent the newest of each room only; it can ask for the others. */
const MOST_REPLAYED = 200;

/** The events that one server has not taken. The log itself is the queue; only the newest are kept in memory, too. */
export class UntakenEvents {
  readonly #server: ServerName;
  readonly #database: Database;
  /** The newest; all of them, unless `#isBehind`. */
  #newest: Waiting[] = [];
  /** Events are in the log that are not in `#newest`. */
  #isBehind = true;
  /** Events up to this position are in `#newest` or were taken. */
  #seen = 0;
  #taken = 0;

  constructor(server: ServerName, database: Database) {
    this.#server = server;
    this.#database = database;
  }

  /** Whether it is certain that there are none. */
  get isEmpty(): boolean {
    return !this.#isBehind && this.#newest.length === 0;
  }

  /** Whether there are as many as a transaction may have, or nobody knows how many. */
  get fillTransaction(): boolean {
    return this.#isBehind || this.#newest.length >= MOST_PDUS;
  }

  /** The position up to which the server has taken them. */
  get taken(): number {
    return this.#taken;
  }

  /** An event at a position is for the server. Positions only grow; false for one that was added before. */
  add(position: number, eventId: EventId): boolean {
    if (position <= this.#seen) return false;
    this.#seen = position;
    this.#newest.push({ position, eventId });
    if (this.#newest.length > MOST_IN_MEMORY) this.readAgain();
    return true;
  }

  /** What the server has not taken is read from the log: some may have been missed, or have to be sent again. */
  readAgain(): void {
    this.#newest = [];
    this.#isBehind = true;
  }

  /** Goes on where the server is, by what the database says. */
  goOnFrom(taken: number): void {
    this.#taken = taken;
    this.readAgain();
  }

  /** The server has taken them up to a position. */
  noteTaken(upTo: number): void {
    this.#taken = Math.max(this.#taken, upTo);
  }

  /** Looks into the log whether there are any, while another process sends them. */
  async look(): Promise<void> {
    const range = { after: this.#taken, upTo: this.#database.position() };
    this.#isBehind = false;
    const rows = await outgoingStore.events(this.#database, this.#server, { ...range, limit: 1 });
    if (rows.length > 0) this.#isBehind = true;
  }

  /** Takes out those that come next, in the order of the log: as many as a transaction may have. */
  async next(limit: number): Promise<Waiting[]> {
    if (!this.#isBehind) return this.#newest.splice(0, limit);
    const database = this.#database;
    const upTo = database.position();
    const range = { after: this.#taken, upTo };
    // Before the log is asked: what is found out to be missed meanwhile may not be in its answer.
    this.#isBehind = false;
    const missed = await outgoingStore.events(database, this.#server, { ...range, limit: MOST_REPLAYED + 1 });
    if (missed.length > MOST_REPLAYED) {
      this.#isBehind = true;
      const newest = await outgoingStore.newestOfEachRoom(database, this.#server, {
        ...range,
        limit,
      });
      return newest.map(waiting);
    }
    const later = this.#newest.filter((event) => event.position > upTo);
    this.#newest = [...missed.map(waiting), ...later];
    this.#seen = Math.max(this.#seen, upTo);
    return this.#newest.splice(0, limit);
  }
}

function waiting(row: outgoingStore.OutgoingEventRow): Waiting {
  return { position: row.position, eventId: row.event_id as EventId };
}
