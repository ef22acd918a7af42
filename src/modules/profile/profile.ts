import { boundedCache } from '../../platform/bounded-cache.ts';
import type { RemoteQueries } from '../../federation/queries/remote-queries.ts';
import { parseUserId, serverNameOf, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import type { JsonObject, JsonValue } from '../../protocol/json.ts';
import { forbidden, invalidParam, MatrixError, notFound } from '../../protocol/matrix-error.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import type { MemberProfile } from '../../rooms/membership/member-content.ts';
import type { Database, Writer } from '../../storage/database.ts';
import { ReadCache } from '../../storage/read-cache.ts';
import * as profileUpdatesStore from '../../storage/accounts/profile-updates-store.ts';
import * as profilesStore from '../../storage/accounts/profiles-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import * as usersStore from '../../storage/accounts/users-store.ts';

const LONGEST_KEY = 255;
const FIELD = /^[a-z][a-z0-9_.-]*$/;
/** In bytes: less than 64 KiB. */
const LARGEST_PROFILE = 65_535;
/** What member events repeat has to fit into them: characters of a name, and of a picture's address. */
const LONGEST_NAME = 256;
const LONGEST_ADDRESS = 1_000;
const CACHED = 20_000;

/** Called after a user's name or picture changed. */
type Listener = (userId: UserId) => Promise<void>;

/** What people say of themselves (Client-Server API, "Profiles"). */
export class Profile {
  readonly #database: Database;
  readonly #rooms: RoomReads;
  readonly #serverName: ServerName;
  readonly #remote: RemoteQueries;
  readonly #listeners: Listener[] = [];
  readonly #onNamed: ((unit: Writer, userId: UserId, name: string | undefined) => void)[] = [];
  readonly #cache: ReadCache<UserId, JsonObject>;

  constructor(needs: {
    database: Database;
    rooms: RoomReads;
    serverName: ServerName;
    remote: RemoteQueries;
  }) {
    const { database } = needs;
    this.#database = database;
    this.#rooms = needs.rooms;
    this.#serverName = needs.serverName;
    this.#remote = needs.remote;
    this.#cache = new ReadCache(database, boundedCache(CACHED), ({ topic, users }) =>
      topic === 'profile' ? users : [],
    );
  }

  /** What else has to happen when a name or picture changes. */
  onChanged(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** What else belongs into the unit of work that changes a display name; undefined for none. */
  onNamed(listener: (unit: Writer, userId: UserId, name: string | undefined) => void): void {
    this.#onNamed.push(listener);
  }

  /** Name and picture of a user, as membership events repeat them; empty for unknown users. */
  async of(userId: UserId): Promise<MemberProfile> {
    const { displayname, avatar_url: avatarUrl } = await this.#fields(userId);
    return {
      ...(typeof displayname === 'string' ? { displayname } : {}),
      ...(typeof avatarUrl === 'string' ? { avatar_url: avatarUrl } : {}),
    };
  }

  /** All fields of a user, of whatever server. 404 for unknown users; 502 or 504 when their server cannot be asked. */
  async get(userId: UserId): Promise<JsonObject> {
    if (serverNameOf(userId) !== this.#serverName) return this.#remote.profile(userId);
    const fields = await this.#fields(userId);
    if (Object.keys(fields).length === 0) await this.#assertKnown(userId);
    return fields;
  }

  /** One field. 404 when it is not set. */
  async field(userId: UserId, key: string): Promise<JsonValue> {
    const isOwn = serverNameOf(userId) === this.#serverName;
    const fields = isOwn ? await this.get(userId) : await this.#remote.profile(userId, key);
    const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (value === undefined) throw notFound(`The profile has no "${key}"`);
    return value;
  }

  /**
   * Sets a field of one's own profile; undefined deletes it.
   *
   * @throws MatrixError 403 for another's profile, 400 M_KEY_TOO_LARGE, M_PROFILE_TOO_LARGE, M_INVALID_PARAM.
   */
  async set(asker: UserId, target: string, key: string, value: JsonValue | undefined): Promise<void> {
    const userId = parseUserId(target);
    if (userId !== asker) throw forbidden('You can change your own profile only');
    if (Buffer.byteLength(key) > LONGEST_KEY) {
      throw new MatrixError(
        400,
        'M_KEY_TOO_LARGE',
        `The name of a profile field may have ${LONGEST_KEY} bytes`,
      );
    }
    if (!FIELD.test(key)) {
      throw invalidParam(
        'The name of a profile field may have a-z, digits and . _ -, and begins with a letter',
      );
    }
    assertValue(key, value);
    const fields = await this.#fields(userId);
    if (isValue(fields, key, value)) {
      // Another process may have changed it, and answered for that, before the notice is here.
      this.#cache.forget(userId);
      if (isValue(await this.#fields(userId), key, value)) return;
    }
    const after: JsonObject = { ...fields, [key]: value };
    if (Buffer.byteLength(JSON.stringify(after)) > LARGEST_PROFILE) {
      throw new MatrixError(
        400,
        'M_PROFILE_TOO_LARGE',
        `A profile may have ${LARGEST_PROFILE} bytes as JSON`,
      );
    }
    const unit = new UnitOfWork();
    if (value === undefined) profilesStore.remove(unit, userId, key);
    else profilesStore.put(unit, userId, key, JSON.stringify(value));
    if (key === 'displayname') {
      for (const listener of this.#onNamed)
        listener(unit, userId, typeof value === 'string' ? value : undefined);
    }
    const position = unit.position();
    profileUpdatesStore.change(unit, userId, key, position);
    const rooms = [...(await this.#rooms.joinedRoomsByNow(userId))];
    unit.announce({ topic: 'profile', position, rooms, users: [userId] });
    await this.#database.commit(unit);
    if (key !== 'displayname' && key !== 'avatar_url') return;
    for (const listener of this.#listeners) await listener(userId);
  }

  #fields(userId: UserId): JsonObject | Promise<JsonObject> {
    return this.#cache.get(userId, async () => {
      const rows = await profilesStore.ofUser(this.#database, userId);
      return Object.fromEntries(rows.map(({ field, value }) => [field, JSON.parse(value) as JsonValue]));
    });
  }

  async #assertKnown(userId: UserId): Promise<void> {
    if (!(await usersStore.byId(this.#database, userId))) throw notFound('There is no such user');
  }
}

function isValue(fields: JsonObject, key: string, value: JsonValue | undefined): boolean {
  return JSON.stringify(Object.hasOwn(fields, key) ? fields[key] : undefined) === JSON.stringify(value);
}

function assertValue(key: string, value: JsonValue | undefined): void {
  if (value === undefined) return;
  const isText = key === 'displayname' || key === 'avatar_url' || key === 'm.tz';
  if (!isText) return;
  if (typeof value !== 'string') throw invalidParam(`"${key}" must be a text`);
  const longest = key === 'displayname' ? LONGEST_NAME : key === 'avatar_url' ? LONGEST_ADDRESS : Infinity;
  if (value.length > longest) throw invalidParam(`"${key}" may have ${longest} characters`);
}
