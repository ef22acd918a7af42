import type { EventText, SyncRequest } from '../../modules/sync-part.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { withoutIgnored } from '../../rooms/reading/ignored-senders.ts';
import type { Membership, RoomMembership } from '../../rooms/reading/room-reads.ts';
import type { StoredEvent } from '../../rooms/events/stored-event.ts';
import type { RoomAccess } from '../../rooms/reading/visibility.ts';
import { strippedState } from '../other-rooms.ts';
import type { EventStreamNeeds } from './event-stream-needs.ts';
import { streamRequest, type StreamReader } from './stream-request.ts';

/** A room as somebody finds it who begins to follow the event stream. */
export interface RoomSnapshot {
  readonly roomId: RoomId;
  /** Absent for one who looks in from outside. */
  readonly membership: Membership | undefined;
  /** The membership event of one who is invited. */
  readonly invite: StoredEvent | undefined;
  /** What was said last; absent for one who is only invited or knocks. */
  readonly messages: MessagePage | undefined;
  /** The present state, or that of the time of leaving. */
  readonly state: readonly StoredEvent[];
  readonly isPublished: boolean;
  /** The user's own data about the room, as JSON text. */
  readonly accountData: readonly EventText[];
  /** What passes by: receipts and who types, as JSON text. */
  readonly ephemeral: readonly EventText[];
}

/** The newest messages of a room. */
export interface MessagePage {
  /** Oldest first. */
  readonly events: readonly StoredEvent[];
  /** Place before them; undefined where nothing is before it. */
  readonly start: number | undefined;
  readonly end: number;
}

/** Everything that somebody begins with. */
export interface AccountSnapshot {
  /** Where the event stream goes on. */
  readonly end: number;
  readonly rooms: readonly RoomSnapshot[];
  readonly presence: readonly EventText[];
  readonly accountData: readonly EventText[];
}

/** What clients begin with before they follow the event stream (Client-Server API, "GET /initialSync"). */
export class RoomSnapshots {
  readonly #needs: EventStreamNeeds;

  constructor(needs: EventStreamNeeds) {
    this.#needs = needs;
  }

  /** All of a user's rooms, with those that they left if `archived`; at most `limit` messages of each. */
  async all(
    reader: StreamReader,
    { limit, archived }: { limit: number; archived: boolean },
  ): Promise<AccountSnapshot> {
    const { memberships, parts } = this.#needs.needs;
    const end = this.#needs.database.position();
    const own = [...(await memberships.ofUser(reader.userId)).values()];
    const ignored = await this.#needs.ignoredUsers(reader.userId);
    const request = await streamRequest(this.#needs, reader, own, { since: undefined, upTo: end });
    const rooms: RoomSnapshot[] = [];
    for (const room of own) {
      if (room.forgotten || (isPast(room) && !archived)) continue;
      if (room.membership === 'invite' && (await this.#isUnwanted(reader, room, ignored))) continue;
      rooms.push(await this.#snapshot(request, room, limit));
    }
    const presence: EventText[] = [];
    const accountData: EventText[] = [];
    for (const part of parts) {
      const sections = await part.account?.(request);
      presence.push(...(sections?.presence ?? []));
      accountData.push(...(sections?.accountData ?? []));
    }
    return { end, rooms, presence, accountData };
  }

  /**
   * One room that the user is or was in, or that anybody may read.
   *
   * @throws MatrixError 403 M_FORBIDDEN for any other.
   */
  async one(reader: StreamReader, roomId: RoomId, limit: number): Promise<RoomSnapshot> {
    const access = await this.#needs.needs.visibility.accessOrForbid(roomId, reader.userId);
    const own = [...(await this.#needs.needs.memberships.ofUser(reader.userId)).values()];
    const upTo = this.#needs.database.position();
    const request = await streamRequest(this.#needs, reader, own, { since: undefined, upTo });
    return this.#readable(request, access, limit);
  }

  /** What one who is invited to a room is shown of its state, event by event as JSON text; nothing for anybody else. */
  async inviteState(userId: UserId, roomId: RoomId): Promise<EventText[]> {
    const room = await this.#needs.needs.memberships.of(roomId, userId);
    if (room?.membership !== 'invite') return [];
    return strippedState(this.#needs.needs, userId, room);
  }

  async #isUnwanted(
    { userId }: StreamReader,
    { sender }: RoomMembership,
    ignored: ReadonlySet<string>,
  ): Promise<boolean> {
    return ignored.has(sender) || (await this.#needs.isInviteHidden(userId, sender));
  }

  async #snapshot(request: SyncRequest, room: RoomMembership, limit: number): Promise<RoomSnapshot> {
    const { roomId, membership } = room;
    const access = await this.#needs.needs.visibility.access(roomId, request.userId);
    const own = await this.#needs.needs.log.byId(room.eventId);
    const invite = membership === 'invite' ? own : undefined;
    if (access.joinedUntil > -Infinity) return { ...(await this.#readable(request, access, limit)), invite };
    return {
      ...{ roomId, membership, messages: undefined, state: [], accountData: [], ephemeral: [], invite },
      isPublished: own?.isAside === true ? false : await this.#needs.directory.isPublished(roomId),
    };
  }

  async #readable(request: SyncRequest, access: RoomAccess, limit: number): Promise<RoomSnapshot> {
    const { states, parts } = this.#needs.needs;
    const { roomId, membership } = access;
    const accountData: EventText[] = [];
    const ephemeral: EventText[] = [];
    for (const part of membership === 'join' ? parts : []) {
      const sections = await part.room?.(request, roomId, true);
      accountData.push(...(sections?.accountData ?? []));
      ephemeral.push(...(sections?.ephemeral ?? []));
    }
    return {
      ...{ roomId, membership, invite: undefined, accountData, ephemeral },
      messages: await this.#messages(request, access, limit),
      state: await states.stateEvents(await states.visibleRoot(access)),
      isPublished: await this.#needs.directory.isPublished(roomId),
    };
  }

  async #messages(request: SyncRequest, access: RoomAccess, limit: number): Promise<MessagePage> {
    const { timeline, states } = this.#needs.needs;
    const from = Math.min(request.upTo, await states.newestVisible(access));
    const range = { from, to: undefined, direction: 'b', limit } as const;
    const ignored = await this.#needs.ignoredUsers(request.userId);
    const page = await timeline.messages(access, range, (events) => withoutIgnored(events, ignored));
    return { events: [...page.events].reverse(), start: page.end, end: request.upTo };
  }
}

function isPast({ membership }: RoomMembership): boolean {
  return membership === 'leave' || membership === 'ban';
}
