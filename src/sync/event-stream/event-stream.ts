import type { EventText, SyncPart } from '../../modules/sync-part.ts';
import type { RoomId } from '../../protocol/identifiers.ts';
import type { RoomMembership } from '../../rooms/reading/room-reads.ts';
import type { StoredEvent } from '../../rooms/events/stored-event.ts';
import type { EventStreamNeeds } from './event-stream-needs.ts';
import { streamRequest, type StreamReader } from './stream-request.ts';

/** What a client asks of the stream. */
export interface StreamOptions extends StreamReader {
  /** Position after which events are wanted; undefined for the present. */
  readonly from: number | undefined;
  /** Only events of this room, which the user need not be in. */
  readonly roomId: RoomId | undefined;
  /** Milliseconds to wait for something to tell. */
  readonly timeoutMs: number;
  /** Whether the user's own data is left out, which the stream of 2015 did not have. */
  readonly withoutAccountData?: boolean;
  /** Aborts when the client goes away or the server stops: the stream answers at once. */
  readonly signal: AbortSignal;
}

/** One part of the stream. */
export interface StreamChunk {
  readonly start: number;
  readonly end: number;
  /** Events of rooms, in the order in which they came. */
  readonly events: readonly StoredEvent[];
  /** What passes by, and what is the user's own: whole events as JSON text. */
  readonly others: readonly EventText[];
}

/** An event and its place in the stream. */
interface Placed {
  readonly event: StoredEvent;
  readonly position: number;
}

/** Events of one answer. */
const MOST_EVENTS = 100;

/** The stream of everything that happens, without gaps (Client-Server API, "GET /events"). */
export class EventStream {
  readonly #needs: EventStreamNeeds;

  constructor(needs: EventStreamNeeds) {
    this.#needs = needs;
  }

  /**
   * What came after a place; waits up to the timeout when there is nothing.
   *
   * @throws MatrixError 403 M_FORBIDDEN for a room that the user may not read.
   */
  async read(options: StreamOptions): Promise<StreamChunk> {
    const { database, notifier } = this.#needs;
    const { roomId, userId, signal } = options;
    if (roomId !== undefined) await this.#needs.needs.visibility.accessOrForbid(roomId, userId);
    const deadline = performance.now() + options.timeoutMs;
    const from = options.from ?? database.position();
    await notifier.reached(from, options.timeoutMs, signal);
    for (let start = from; ;) {
      const chunk = await this.#chunk(options, start, Math.max(start, database.position()));
      const left = deadline - performance.now();
      const isEmpty = chunk.events.length === 0 && chunk.others.length === 0;
      if (!isEmpty || left <= 0 || signal.aborted) return { ...chunk, start: from };
      start = chunk.end;
      if (roomId === undefined) await notifier.wait(userId, start, left, signal);
      else await notifier.waitForRoom(roomId, start, left, signal);
    }
  }

  async #chunk(options: StreamOptions, start: number, upTo: number): Promise<StreamChunk> {
    const { memberships } = this.#needs.needs;
    const all = [...(await memberships.ofUser(options.userId)).values()];
    const { roomId } = options;
    const rooms = roomId === undefined ? all : all.filter((room) => room.roomId === roomId);
    const found: Placed[] = [];
    const readable = new Set(rooms.map((room) => room.roomId));
    if (roomId !== undefined) readable.add(roomId);
    let end = upTo;
    for (const id of readable) {
      if (!this.#needs.recent.roomChangedSince(id, start, 'event')) continue;
      const page = await this.#needs.needs.log.page(id, {
        ...{ after: start, upTo: end, limit: MOST_EVENTS },
        newestFirst: false,
      });
      if (page.length === MOST_EVENTS) end = page.at(-1)?.position ?? end;
      for (const event of page) found.push({ event, position: event.position });
    }
    found.push(...(await this.#ownInvites(rooms, start, found)));
    const inOrder = found.sort((a, b) => a.position - b.position).filter(({ position }) => position <= end);
    if (inOrder.length > MOST_EVENTS) end = inOrder[MOST_EVENTS - 1]?.position ?? end;
    const first = inOrder.slice(0, MOST_EVENTS).map(({ event }) => event);
    const events = await this.#wanted(options, first);
    return { start, end, events, others: await this.#others(options, rooms, { since: start, upTo: end }) };
  }

  /** The membership events of invites to rooms that are not on this server. */
  async #ownInvites(
    rooms: readonly RoomMembership[],
    start: number,
    found: readonly Placed[],
  ): Promise<Placed[]> {
    const known = new Set(found.map(({ event }) => event.eventId));
    const invites: Placed[] = [];
    for (const room of rooms) {
      if (room.membership !== 'invite' || room.position <= start || known.has(room.eventId)) continue;
      const event = await this.#needs.needs.log.byId(room.eventId);
      if (event?.isAside === true) invites.push({ event, position: room.position });
    }
    return invites;
  }

  /** Those that the user may see and does not ignore. */
  async #wanted(options: StreamOptions, events: readonly StoredEvent[]): Promise<StoredEvent[]> {
    const { userId } = options;
    const { visibility } = this.#needs.needs;
    const ignored = await this.#needs.ignoredUsers(userId);
    const visible = new Set<StoredEvent>();
    for (const [roomId, ofRoom] of Map.groupBy(events, (event) => event.roomId)) {
      const access = await visibility.access(roomId, userId);
      for (const event of await visibility.filter(access, ofRoom)) visible.add(event);
    }
    const wanted: StoredEvent[] = [];
    for (const event of events) {
      if (!visible.has(event)) continue;
      const isInvite = event.stateKey === userId && event.content.membership === 'invite';
      if (ignored.has(event.sender) && (event.stateKey === undefined || isInvite)) continue;
      if (isInvite && (await this.#needs.isInviteHidden(userId, event.sender))) continue;
      wanted.push(event);
    }
    return wanted;
  }

  async #others(
    options: StreamOptions,
    rooms: readonly RoomMembership[],
    span: { since: number; upTo: number },
  ): Promise<EventText[]> {
    const { recent, needs } = this.#needs;
    const request = await streamRequest(this.#needs, options, rooms, span);
    const texts: EventText[] = [];
    for (const part of needs.parts) {
      const sections = options.roomId === undefined ? await part.account?.(request) : undefined;
      texts.push(...(sections?.presence ?? []));
      if (!options.withoutAccountData) texts.push(...(sections?.accountData ?? []));
    }
    const userChanged = recent.userChangedSince(options.userId, span.since);
    for (const roomId of request.joinedRooms) {
      if (!userChanged && !recent.roomChangedSince(roomId, span.since)) continue;
      for (const part of needs.parts) texts.push(...(await roomTexts(part, request, roomId, options)));
    }
    return texts;
  }
}

/** What a module adds to a room, each event with the room's ID. */
async function roomTexts(
  part: SyncPart,
  request: Parameters<NonNullable<SyncPart['room']>>[0],
  roomId: RoomId,
  { withoutAccountData }: StreamOptions,
): Promise<EventText[]> {
  const sections = await part.room?.(request, roomId, false);
  const ownData = withoutAccountData ? [] : (sections?.accountData ?? []);
  return [...(sections?.ephemeral ?? []), ...ownData].map((text) => withRoomId(text, roomId));
}

/** An event that names no room, as JSON text, with the room that it is of. */
export function withRoomId(text: EventText, roomId: RoomId): EventText {
  return `${text.slice(0, -1)},"room_id":${JSON.stringify(roomId)}}`;
}
