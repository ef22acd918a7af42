import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { ConnectionOwner } from '../../storage/rooms/sliding-sync-store.ts';
import type { UserRooms } from './user-rooms.ts';

/** What a connection was sent of one room. */
export interface SentRoom {
  /**
   * Position up to which it was sent what happened in the room; undefined for up to the `pos` of the request, which is
   * so as long as the room is in a list or subscribed to.
   */
  readonly seen: number | undefined;
  /** How many of the newest events the client has at least, without a gap. */
  readonly depth: number;
  /** The state that it was sent, and is sent changes of (`RequiredStates.key`). */
  readonly state: string;
  /** Whether receipts were sent, and are sent where they change. */
  readonly hasReceipts: boolean;
  /** The same for the user's account data of the room. */
  readonly hasAccountData: boolean;
  /** Whether the client takes it for a direct room. */
  readonly isDirect: boolean;
}

/**
 * All rooms of the lists and subscriptions were looked at, and whatever was missing sent: until one of these differs,
 * only rooms in which something happens need be looked at.
 */
export interface Settled {
  readonly rooms: UserRooms;
  readonly version: number;
  /** What was asked for. */
  readonly asked: string;
}

/** Members that are remembered as sent in one room. */
const MOST_MEMBERS = 500;

/** A membership that was sent by lazy loading. */
interface SentMember {
  readonly eventId: EventId;
  /** Position to which the answer led. */
  readonly at: number;
  /** What the request said that the client has: position, and generation. */
  readonly since: number;
  readonly generation: string;
}

interface Following {
  readonly changes: ReadonlyMap<RoomId, SentRoom>;
  readonly settled: Settled;
}

/** One connection: a client's loop of requests, each of which says by its `pos` which answer it had last. */
export class Connection {
  readonly owner: ConnectionOwner;
  readonly rooms: Map<RoomId, SentRoom>;
  settled: Settled | undefined = undefined;
  /** Rows of which the state was, or would be, read. */
  chain: number;
  /** Tells the newest request from those that the client gave up. */
  request: object | undefined = undefined;
  #generation: string;
  readonly #following = new Map<string, Following>();
  /** Memberships sent by lazy loading. Forgetting only means sending them again. */
  readonly #members = new Map<RoomId, Map<UserId, SentMember>>();

  /** Unread counts sent, with the position of the answer. */
  readonly #counts = new Map<RoomId, { readonly text: string; readonly at: number }>();
  /** Where the client was at the last request that came to this process, and where the answer led it. */
  #since: number | undefined;
  #answeredTo: number | undefined;

  constructor(owner: ConnectionOwner, generation: string, rooms: Map<RoomId, SentRoom>, chain: number) {
    this.owner = owner;
    this.rooms = rooms;
    this.chain = chain;
    this.#generation = generation;
  }

  /** The answer that the client had last; empty for none. */
  get generation(): string {
    return this.#generation;
  }

  /** An answer was made that adds to what was sent, once the client has it. In place of any other not yet had. */
  follow(generation: string, changes: ReadonlyMap<RoomId, SentRoom>, settled: Settled): void {
    this.#following.clear();
    this.#following.set(generation, { changes, settled });
  }

  /** The client had this answer. False when that is not one of those that are known. */
  acknowledge(generation: string): boolean {
    if (generation === this.#generation) return true;
    const following = this.#following.get(generation);
    if (!following) return false;
    for (const [roomId, sent] of following.changes) this.rooms.set(roomId, sent);
    this.settled = following.settled;
    this.chain += 1;
    this.#generation = generation;
    this.#following.clear();
    return true;
  }

  /** The client asks from a position on. Where another process led it there, that may have sent other unread counts. */
  askedFrom(since: number | undefined): void {
    if (since !== this.#since && since !== this.#answeredTo) this.#counts.clear();
    this.#since = since;
  }

  /** The client is given an answer that leads up to a position. */
  answered(upTo: number): void {
    this.#answeredTo = upTo;
  }

  /** Whether the client, which is at `since`, has this membership by lazy loading. */
  hasMember(roomId: RoomId, userId: UserId, eventId: EventId, since: number): boolean {
    const sent = this.#members.get(roomId)?.get(userId);
    if (sent?.eventId !== eventId || sent.at > since) return false;
    // The same request again: its answer got lost, and one that only shows more of a room leads to no later position.
    return sent.since !== since || sent.generation !== this.#generation;
  }

  /** Memberships are sent to the client, which is at `since`, with an answer that leads up to a position. */
  sendMembers(
    roomId: RoomId,
    members: Iterable<readonly [UserId, EventId]>,
    { since, at }: { since: number; at: number },
  ): void {
    let sent = this.#members.get(roomId);
    if (!sent || sent.size > MOST_MEMBERS) {
      sent = new Map();
      this.#members.set(roomId, sent);
    }
    const generation = this.#generation;
    for (const [userId, eventId] of members) sent.set(userId, { eventId, at, since, generation });
  }

  /** Whether the client, which is at `since`, has other unread counts; undefined where it is not known which it has. */
  hasOtherCounts(roomId: RoomId, text: string, since: number): boolean | undefined {
    const sent = this.#counts.get(roomId);
    return sent && (sent.text !== text || sent.at > since);
  }

  /** Unread counts are sent with an answer that leads up to a position. */
  sendCounts(roomId: RoomId, text: string, at: number): void {
    const sent = this.#counts.get(roomId);
    if (sent?.text !== text) this.#counts.set(roomId, { text, at });
  }
}
