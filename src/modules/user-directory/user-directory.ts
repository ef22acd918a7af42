import type { ServerName, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { MemberProfile } from '../../rooms/membership/member-content.ts';
import type { Database, Writer } from '../../storage/database.ts';
import * as directoryStore from '../../storage/accounts/user-directory-store.ts';
import { folded, termsOfName, termsOfUserId, wordsOf } from './directory-terms.ts';

const DEFAULT_LIMIT = 10;
const MOST_RESULTS = 50;
/** Users whose rooms are looked at for one search. */
const MOST_LOOKED_AT = 2_000;
/** Members of the asker's rooms that are looked at beside them. */
const MOST_ROOM_MATES = 10_000;
/** The same for users of other servers, whose names are in their membership events alone. */
const MOST_ELSEWHERE = 2_000;

/** Finds people by their IDs and names (Client-Server API, "User Directory"). */
export class UserDirectory {
  readonly #database: Database;
  readonly #serverName: ServerName;
  readonly #profileOf: (userId: UserId) => Promise<MemberProfile>;

  constructor(needs: {
    database: Database;
    serverName: ServerName;
    profileOf: (userId: UserId) => Promise<MemberProfile>;
  }) {
    this.#database = needs.database;
    this.#serverName = needs.serverName;
    this.#profileOf = needs.profileOf;
  }

  /** Makes a new user findable, in the unit of work that makes the account. */
  add(unit: Writer, userId: UserId): void {
    directoryStore.setTerms(unit, userId, 'id', termsOfUserId(userId));
  }

  /** Notes the user's new name, in the unit of work that sets it; undefined for none. */
  rename(unit: Writer, userId: UserId, name: string | undefined): void {
    directoryStore.setTerms(unit, userId, 'name', name === undefined ? [] : termsOfName(name));
  }

  /** Takes out a user whose account is closed. */
  remove(unit: Writer, userId: UserId): void {
    directoryStore.remove(unit, userId);
  }

  /**
   * People whose ID, or each of whose words, begins as the search term says. Only those are found whom the asker may know
   * of: they share a room, or are in one that anybody may join or read. Those in the asker's smaller rooms come first. Users of
   * other servers are found in such rooms only, by the names that they have there.
   *
   * @param limit the most to give; 10 if not given, never more than 50.
   */
  async search(asker: UserId, term: string, limit: number = DEFAULT_LIMIT): Promise<JsonObject> {
    const words = wordsOf(term);
    const wholeId = folded(term.trim().slice(0, 512)).replace(/^@/, '');
    const word = longest(words);
    const wanted = Math.min(limit, MOST_RESULTS);
    if (word === undefined) return { results: [], limited: false };
    const prefixes = term.includes(':') ? [wholeId.toWellFormed(), word] : [word];
    const sought = { words, wholeId };
    const results: JsonObject[] = [];
    for (const [userId, known] of await this.#find(asker, prefixes, sought)) {
      const profile = known ?? (await this.#profileOf(userId));
      if (!matches(userId, profile, sought)) continue;
      if (results.length === wanted) return { results, limited: true };
      const result: JsonObject = { user_id: userId };
      if (profile.displayname !== undefined) result.display_name = profile.displayname;
      if (profile.avatar_url !== undefined) result.avatar_url = profile.avatar_url;
      results.push(result);
    }
    return { results, limited: false };
  }

  /**
   * On a large server most who have such a name are strangers, before whom the asker's own people must not be lost. With their
   * profiles, where those are of a room.
   */
  async #find(
    asker: UserId,
    prefixes: readonly string[],
    sought: Sought,
  ): Promise<ReadonlyMap<UserId, MemberProfile | undefined>> {
    const limit = MOST_LOOKED_AT;
    const mates = prefixes.map((prefix) =>
      directoryStore.findRoomMates(this.#database, asker, prefix, { mostLookedAt: MOST_ROOM_MATES, limit }),
    );
    const others = prefixes.map((prefix) =>
      directoryStore.find(this.#database, asker, prefix, { mostLookedAt: MOST_LOOKED_AT, limit }),
    );
    const elsewhere = this.#findElsewhere(asker, sought);
    const found = new Map<UserId, MemberProfile | undefined>();
    for (const userId of (await Promise.all(mates)).flat()) found.set(userId, undefined);
    for (const [userId, profile] of await elsewhere) found.set(userId, profile);
    for (const userId of (await Promise.all(others)).flat()) found.set(userId, found.get(userId));
    return found;
  }

  async #findElsewhere(asker: UserId, sought: Sought): Promise<ReadonlyMap<UserId, MemberProfile>> {
    const own = this.#serverName;
    const rows = await directoryStore.roomMatesOfOtherServers(this.#database, asker, own, MOST_ELSEWHERE);
    const found = new Map<UserId, MemberProfile>();
    for (const { user_id: userId, content } of rows) {
      if (found.has(userId)) continue;
      const profile = profileIn(content);
      if (matches(userId, profile, sought)) found.set(userId, profile);
    }
    return found;
  }
}

/** What a search term asks for. */
interface Sought {
  readonly words: readonly string[];
  readonly wholeId: string;
}

/** @param content of an m.room.member, as JSON. */
function profileIn(content: string): MemberProfile {
  const { displayname, avatar_url: avatarUrl } = JSON.parse(content) as JsonObject;
  return {
    ...(typeof displayname === 'string' ? { displayname } : {}),
    ...(typeof avatarUrl === 'string' ? { avatar_url: avatarUrl } : {}),
  };
}

function matches(userId: UserId, profile: MemberProfile, sought: Sought): boolean {
  const terms = [...termsOfUserId(userId), ...termsOfName(profile.displayname ?? '')];
  if (terms.some((term) => term.startsWith(sought.wholeId))) return true;
  return sought.words.every((word) => terms.some((term) => term.startsWith(word)));
}

/** The word that narrows the search most. */
function longest(words: readonly string[]): string | undefined {
  return words.reduce<string | undefined>(
    (best, word) => (word.length > (best?.length ?? 0) ? word : best),
    undefined,
  );
}
