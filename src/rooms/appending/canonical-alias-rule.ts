import { parseRoomAlias, serverNameOf, type RoomAlias, type ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { invalidParam, MatrixError } from '../../protocol/matrix-error.ts';
import type { Reader } from '../../storage/database.ts';
import * as aliasesStore from '../../storage/rooms/aliases-store.ts';
import type { Aliases } from '../creation/aliases.ts';
import type { EventLog } from '../events/event-log.ts';
import type { StateToSet } from './message-sending.ts';

/** Aliases of other servers that one event may add: each is a request. */
const MOST_ELSEWHERE = 20;

type AliasChange = Pick<StateToSet, 'roomId' | 'type' | 'stateKey' | 'content'>;

/** What m.room.canonical_alias may add (Client-Server API, m.room.canonical_alias): aliases that point to its room. */
export class CanonicalAliasRule {
  readonly #database: Reader;
  readonly #log: EventLog;
  readonly #aliases: Aliases;
  readonly #serverName: ServerName;

  constructor(needs: { database: Reader; log: EventLog; aliases: Aliases; serverName: ServerName }) {
    this.#database = needs.database;
    this.#log = needs.log;
    this.#aliases = needs.aliases;
    this.#serverName = needs.serverName;
  }

  /**
   * The aliases of other servers that a change adds, confirmed by those servers. To be asked before the room's turn, which
   * is not to wait for others.
   *
   * @throws MatrixError 400 M_BAD_ALIAS for one that does not point to the room, 400 M_INVALID_PARAM for what is no alias
   *   and for more than 20 of other servers, 502 or 504 when a server cannot be asked.
   */
  async confirmedElsewhere(change: AliasChange): Promise<ReadonlySet<RoomAlias>> {
    const { roomId, type, stateKey, content } = change;
    const before = await this.#log.state(roomId, type, stateKey);
    const asked = addedAliases(content, before?.content).filter((alias) => !this.#isOwn(alias));
    if (asked.length > MOST_ELSEWHERE) {
      throw invalidParam(`At most ${MOST_ELSEWHERE} aliases of other servers may be added at once`);
    }
    for (const alias of asked) {
      const place = await this.#aliases.resolve(alias).catch((error: unknown) => {
        if (error instanceof MatrixError && error.status === 404) return undefined;
        throw error;
      });
      if (place?.roomId !== roomId) throw badAlias(alias);
    }
    return new Set(asked);
  }

  /**
   * Refuses a change that adds an alias which does not point to the room, in the room's turn.
   *
   * @param confirmed what `confirmedElsewhere` gave.
   * @throws MatrixError 400 M_BAD_ALIAS, or 400 M_INVALID_PARAM for what is no alias.
   */
  async assertPointing(
    { roomId, content }: AliasChange,
    before: JsonObject | undefined,
    confirmed: ReadonlySet<RoomAlias>,
  ): Promise<void> {
    for (const alias of addedAliases(content, before)) {
      if (confirmed.has(alias)) continue;
      const row = this.#isOwn(alias) ? await aliasesStore.byAlias(this.#database, alias) : undefined;
      if (row?.room_id !== roomId) throw badAlias(alias);
    }
  }

  #isOwn(alias: RoomAlias): boolean {
    return serverNameOf(alias) === this.#serverName;
  }
}

function badAlias(alias: RoomAlias): MatrixError {
  return new MatrixError(400, 'M_BAD_ALIAS', `The alias ${alias} does not point to this room`);
}

function addedAliases(content: JsonObject, before: JsonObject | undefined): RoomAlias[] {
  const had = new Set(aliasesIn(before ?? {}));
  const added = new Set(aliasesIn(content).filter((alias) => !had.has(alias)));
  return [...added].map((alias) => {
    const parsed = typeof alias === 'string' ? parseRoomAlias(alias) : undefined;
    if (!parsed) throw invalidParam(`"${String(alias)}" is not a room alias: #name:server`);
    return parsed;
  });
}

function aliasesIn(content: JsonObject): unknown[] {
  const alternatives = Array.isArray(content.alt_aliases) ? content.alt_aliases : [];
  const { alias } = content;
  return alias === undefined || alias === null || alias === '' ? alternatives : [alias, ...alternatives];
}
