import { RecencyList } from '../../platform/recency-list.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { isJsonObject } from '../../protocol/json.ts';
import { eventChange, membershipChange, type MembershipChange } from '../../rooms/events/room-changes.ts';
import type { Change } from '../../storage/database.ts';
import type { Watcher } from '../notifier.ts';
import { ListViews, type ListView } from './list-views.ts';
import type { RoomFacts } from './room-facts.ts';
import type { RoomFilters } from './room-filters.ts';

/** A room as it is first put into the order. */
export interface ListedRoom {
  readonly roomId: RoomId;
  readonly membership: string;
  /** Position of the newest event that the user can know of. */
  readonly newest: number;
}

/** Changes that are remembered: half of them are forgotten when there are more. */
const MOST_CHANGES = 2_000;
/** Account data on which the whole order depends. */
const ORDERING_DATA = [
  'm.ignored_user_list',
  'm.invite_permission_config',
  'org.matrix.msc4155.invite_permission_config',
];

/**
 * The rooms that one user's lists are made of, by their newest event, and which of them changed lately (MSC4186, "Lists").
 * Follows the log, so that a request costs as much as changed since the one before.
 */
export class UserRooms implements Watcher {
  readonly userId: UserId;
  readonly #order = new RecencyList<RoomId>();
  readonly #memberships = new Map<RoomId, string>();
  readonly #facts: RoomFacts;
  readonly #views: ListViews;
  readonly #isHidden: (inviter: UserId) => Promise<boolean>;
  /** Invites of which it is not yet known whether the user wants to see them. */
  readonly #invites = new Map<RoomId, UserId>();
  #changes: { readonly position: number; readonly roomId: RoomId }[] = [];
  /** Changes up to here are not remembered. */
  #floor = 0;
  #deviceLists = 0;
  #isOutdated = false;

  /** @param isHidden whether invites of somebody are not to be shown. */
  constructor(userId: UserId, facts: RoomFacts, isHidden: (inviter: UserId) => Promise<boolean>) {
    this.userId = userId;
    this.#facts = facts;
    this.#views = new ListViews(this.#order, facts);
    this.#isHidden = isHidden;
  }

  /** Whether it follows the log no more: it has to be made anew. */
  get isOutdated(): boolean {
    return this.#isOutdated;
  }

  /** Differs from before when rooms may have come into a list, or become direct, without a change in them. */
  get version(): number {
    return this.#views.version;
  }

  get size(): number {
    return this.#order.size;
  }

  /** Puts in what was read of the database, before changes that came in meanwhile. */
  fill(rooms: readonly ListedRoom[], from: number): void {
    const since = this.#changes.map((change) => change.roomId);
    for (const room of [...rooms].sort((a, b) => a.newest - b.newest)) {
      if (!this.#memberships.has(room.roomId)) this.#memberships.set(room.roomId, room.membership);
      this.#order.touch(room.roomId);
    }
    for (const roomId of since) if (this.#order.has(roomId)) this.#order.touch(roomId);
    this.#floor = from;
  }

  /** The rooms of a list. */
  async view(filters: RoomFilters | undefined): Promise<ListView> {
    for (const [roomId, inviter] of this.#invites) {
      this.#invites.delete(roomId);
      if (await this.#isHidden(inviter)) this.#order.delete(roomId);
    }
    await this.#facts.prepare();
    return this.#views.of(filters);
  }

  /** Whether it is known what changed after a position. */
  knows(position: number): boolean {
    return position >= this.#floor;
  }

  /** Rooms that changed after a position; undefined when that is not known any more. */
  changedSince(position: number): Set<RoomId> | undefined {
    if (!this.knows(position)) return undefined;
    const changed = new Set<RoomId>();
    for (let i = this.#changes.length - 1; i >= 0; i--) {
      const change = this.#changes[i];
      if (!change || change.position <= position) break;
      changed.add(change.roomId);
    }
    return changed;
  }

  /** Whether the devices of somebody in the user's rooms may have changed. */
  deviceListsChangedSince(position: number): boolean {
    return position < this.#floor || this.#deviceLists > position;
  }

  /** The rooms that the user calls direct. */
  direct(): Promise<ReadonlySet<RoomId>> {
    return this.#facts.direct();
  }

  changed(change: Change, roomId: RoomId | undefined): void {
    switch (change.topic) {
      case 'event':
      case 'state':
        this.#roomChange(change);
        return;
      case 'receipt':
        this.#note(change.position, roomId ?? roomOf(change));
        return;
      case 'typing':
        this.#note(change.position, roomId);
        return;
      case 'device-list':
        this.#deviceLists = change.position;
        return;
      case 'account-data':
        return this.#accountData(change);
      case 'session':
        // The user may have forgotten a room.
        this.#isOutdated = true;
        return;
      default:
    }
  }

  ended(): void {
    this.#isOutdated = true;
  }

  #roomChange(change: Change): void {
    const roomId = change.rooms[0];
    if (roomId === undefined || !this.#note(change.position, roomId)) return;
    const moved = membershipChange(change);
    const isOwn = moved?.userId === this.userId;
    if (isOwn) this.#move(moved);
    else if (change.topic === 'event' && this.#memberships.get(roomId) === 'join') this.#order.touch(roomId);
    const data = eventChange(change);
    if (!data || data.stateKey !== undefined) this.#views.stateChanged(roomId, data?.type, isOwn);
  }

  /** The user's own membership changed. */
  #move({ roomId, membership, sender }: MembershipChange): void {
    const before = this.#memberships.get(roomId);
    this.#memberships.set(roomId, membership);
    this.#invites.delete(roomId);
    if (membership === 'invite') this.#invites.set(roomId, sender);
    const isGone = membership === 'leave' || membership === 'ban';
    const wasListed = this.#order.has(roomId) && before !== 'invite' && before !== 'knock';
    const isRemoval = sender !== this.userId && wasListed;
    if (isGone && !isRemoval) this.#order.delete(roomId);
    else this.#order.touch(roomId);
  }

  #accountData(change: Change): void {
    const type = isJsonObject(change.data) ? change.data.type : undefined;
    if (typeof type === 'string' && ORDERING_DATA.includes(type)) this.#isOutdated = true;
    if (type === 'm.direct' || type === 'm.tag') this.#views.accountDataChanged();
  }

  /** False when the change was noted before: one that concerns the user and a room of theirs comes twice. */
  #note(position: number, roomId: RoomId | undefined): boolean {
    if (roomId === undefined) return false;
    const last = this.#changes.at(-1);
    if (last?.position === position && last.roomId === roomId) return false;
    this.#changes.push({ position, roomId });
    if (this.#changes.length > MOST_CHANGES) {
      const dropped = this.#changes[MOST_CHANGES / 2 - 1];
      this.#floor = Math.max(this.#floor, dropped?.position ?? position);
      this.#changes = this.#changes.slice(MOST_CHANGES / 2);
    }
    return true;
  }
}

function roomOf(change: Change): RoomId | undefined {
  const roomId = isJsonObject(change.data) ? change.data.roomId : undefined;
  return typeof roomId === 'string' ? (roomId as RoomId) : undefined;
}
