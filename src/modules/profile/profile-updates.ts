import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import type { Database } from '../../storage/database.ts';
import * as updatesStore from '../../storage/accounts/profile-updates-store.ts';
import * as profilesStore from '../../storage/accounts/profiles-store.ts';
import type { RoomMates, Span } from '../room-mates.ts';
import type { AccountSections, SyncPart, SyncRequest } from '../sync-part.ts';

const PAGE = 500;
/** Who loads members lazily is told the profiles in rooms with at most so many of them. */
const LISTED_LAZILY = 1_000;

/** What a client wants to know of profiles. */
export interface ProfileWish {
  /** Names of fields; undefined for all. */
  readonly fields: readonly string[] | undefined;
  readonly lazily: boolean;
}

/** Fields as JSON text, undefined for removed ones; or that the user shares no room with them any more. */
export type ProfileChange = ReadonlyMap<string, string | undefined> | 'gone';

/** As a sync asks: without a position for the beginning. */
type ProfileSpan = Omit<Span, 'after'> & { readonly after: number | undefined };

/** Tells people of the profiles of those who are in the same rooms (MSC4429, MSC4262). Of other servers none are kept. */
export class ProfileUpdates implements SyncPart {
  readonly #database: Database;
  readonly #rooms: RoomReads;
  readonly #mates: RoomMates;

  constructor(database: Database, rooms: RoomReads, mates: RoomMates) {
    this.#database = database;
    this.#rooms = rooms;
    this.#mates = mates;
  }

  async account(request: SyncRequest): Promise<AccountSections | undefined> {
    const { since: after, filter } = request;
    const { profileFields: fields } = filter;
    if (fields.length === 0) return undefined;
    const wish = { fields, lazily: filter.room.state.lazyLoadMembers };
    const users = [...(await this.news({ ...request, after }, wish))].map(([userId, change]) => {
      const updates = change === 'gone' ? 'null' : objectText(change);
      return `${JSON.stringify(userId)}:{"profile_updates":${updates}}`;
    });
    return users.length === 0 ? undefined : { other: { 'org.matrix.msc4429.users': `{${users.join(',')}}` } };
  }

  /** What the user has not been told of their own profile and of those in the same rooms. */
  async news(span: ProfileSpan, wish: ProfileWish): Promise<ReadonlyMap<UserId, ProfileChange>> {
    const found = new Map<UserId, Map<string, string | undefined> | 'gone'>();
    if (wish.fields?.length === 0) return found;
    const add = (userId: UserId, field: string, value: string | undefined) => {
      const known = found.get(userId);
      if (known instanceof Map) known.set(field, value);
      else found.set(userId, new Map([[field, value]]));
    };
    const { after } = span;
    if (after === undefined) {
      await this.#addUser(span.userId, wish, add);
      for (const roomId of span.joinedRooms) await this.#addMembers(roomId, wish, add);
      return found;
    }
    if (mayHaveChanged({ ...span, after })) {
      const range = { after, upTo: span.upTo };
      for (const row of await updatesStore.updated(this.#database, span.userId, range, wish.fields)) {
        add(row.user_id, row.field, row.value ?? undefined);
      }
    }
    for (const roomId of span.newlyJoined) await this.#addMembers(roomId, wish, add);
    const { came, left } = await this.#mates.moves({ ...span, after });
    for (const userId of came) await this.#addUser(userId, wish, add);
    for (const userId of left) found.set(userId, 'gone');
    return found;
  }

  async #addMembers(roomId: RoomId, wish: ProfileWish, add: Add): Promise<void> {
    if (wish.lazily && (await this.#rooms.joinedCount(roomId)) > LISTED_LAZILY) return;
    for (let after: updatesStore.ProfileFieldRow | undefined; ;) {
      const page = { after, limit: PAGE };
      const rows = await updatesStore.ofMembers(this.#database, roomId, wish.fields, page);
      for (const row of rows) add(row.user_id, row.field, row.value ?? undefined);
      after = rows.at(-1);
      if (rows.length < PAGE) return;
    }
  }

  async #addUser(userId: UserId, { fields }: ProfileWish, add: Add): Promise<void> {
    for (const { field, value } of await profilesStore.ofUser(this.#database, userId)) {
      if (fields?.includes(field) ?? true) add(userId, field, value);
    }
  }
}

type Add = (userId: UserId, field: string, value: string | undefined) => void;

function mayHaveChanged({ recent, after, userId, joinedRooms }: Span): boolean {
  if (!recent.changedSince(after, 'profile')) return false;
  if (recent.userChangedSince(userId, after, 'profile')) return true;
  for (const roomId of joinedRooms) if (recent.roomChangedSince(roomId, after, 'profile')) return true;
  return false;
}

/** Fields as a JSON object, with null for those that are gone. */
function objectText(fields: ReadonlyMap<string, string | undefined>): string {
  const members = [...fields].map(([field, value]) => `${JSON.stringify(field)}:${value ?? 'null'}`);
  return `{${members.join(',')}}`;
}
