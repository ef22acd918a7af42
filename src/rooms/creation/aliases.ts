import { PowerLevels } from '../../protocol/auth/power-levels.ts';
import {
  parseServerName,
  roomAlias,
  roomId,
  serverNameOf,
  type RoomAlias,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';
import { forbidden, invalidParam, MatrixError, notFound } from '../../protocol/matrix-error.ts';
import { roomVersion } from '../../protocol/room-versions.ts';
import * as aliasesStore from '../../storage/rooms/aliases-store.ts';
import type { Database } from '../../storage/database.ts';
import { commitOrRefuse } from '../../storage/guarded-commit.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { Appservices } from '../../accounts/application-services/appservices.ts';
import type { Session } from '../../wire/session.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Memberships } from '../membership/memberships.ts';
import type { RoomWriter } from '../appending/room-writer.ts';

/** Aliases given for one room at most. */
const MOST_ALIASES = 1_000;

/** A room, and servers by which it can be joined. */
export interface Place {
  readonly roomId: RoomId;
  readonly servers: readonly ServerName[];
}

/** Whoever makes or deletes an alias: a user, for whom an application service may act. */
type AliasOwner = Pick<Session, 'userId' | 'appserviceId'>;

/** Names of rooms on this server (Client-Server API, "Room aliases"). */
export class Aliases {
  readonly #database: Database;
  readonly #log: EventLog;
  readonly #memberships: Memberships;
  readonly #writer: RoomWriter;
  readonly #serverName: ServerName;
  readonly #appservices: Appservices;
  #askForAlias: (alias: RoomAlias) => Promise<void> = () => Promise.resolve();
  #askElsewhere: ((alias: RoomAlias) => Promise<Place>) | undefined;

  constructor(needs: {
    database: Database;
    log: EventLog;
    memberships: Memberships;
    writer: RoomWriter;
    serverName: ServerName;
    appservices: Appservices;
  }) {
    this.#database = needs.database;
    this.#log = needs.log;
    this.#memberships = needs.memberships;
    this.#writer = needs.writer;
    this.#serverName = needs.serverName;
    this.#appservices = needs.appservices;
  }

  /** Sets who is asked to make an alias of this server that does not exist. */
  onUnknown(ask: (alias: RoomAlias) => Promise<void>): void {
    this.#askForAlias = ask;
  }

  /** Sets who asks other servers for their aliases. */
  onElsewhere(ask: (alias: RoomAlias) => Promise<Place>): void {
    this.#askElsewhere = ask;
  }

  /** The room of an alias, of whatever server. 404 for an unknown one; 502 or 504 when its server cannot be asked. */
  async resolve(alias: RoomAlias): Promise<Place> {
    if (this.#askElsewhere && serverNameOf(alias) !== this.#serverName) return this.#askElsewhere(alias);
    const row = await this.#find(alias);
    if (!row) throw notFound(`There is no room with the alias ${alias}`);
    return { roomId: row.room_id as RoomId, servers: [this.#serverName] };
  }

  /** The room that an ID or an alias names, as paths take either. 404 for an unknown alias. */
  async roomOf(idOrAlias: string): Promise<RoomId> {
    return (await this.placeOf(idOrAlias, [])).roomId;
  }

  /**
   * As `roomOf`, with servers that may be in the room.
   *
   * @param via names of servers that the client gave; those that are none are left out.
   */
  async placeOf(idOrAlias: string, via: string | readonly string[]): Promise<Place> {
    const given = (typeof via === 'string' ? [via] : via).flatMap((name) => parseServerName(name) ?? []);
    if (!idOrAlias.startsWith('#')) return { roomId: roomId(idOrAlias), servers: given };
    const found = await this.resolve(roomAlias(idOrAlias));
    return { roomId: found.roomId, servers: [...given, ...found.servers] };
  }

  /**
   * Gives a room of this server a further name. Its members may, and an application service for a name in its namespaces.
   *
   * @throws MatrixError 409 M_UNKNOWN when it is taken, 400 M_EXCLUSIVE when it is an application service's alone, or is in
   *   no namespace of the one that asks; 403 M_FORBIDDEN; 404 for an unknown room.
   */
  async create({ userId, appserviceId }: AliasOwner, alias: RoomAlias, roomId: RoomId): Promise<void> {
    this.#assertOwn(alias);
    this.#appservices.assertMayMakeAlias(alias, appserviceId);
    const membership = await this.#memberships.of(roomId, userId);
    if (membership?.membership !== 'join') {
      if (!(await roomsStore.byId(this.#database, roomId))) throw notFound('There is no such room');
      if (appserviceId === undefined) throw forbidden('Only members of a room may name it');
    }
    const unit = new UnitOfWork();
    aliasesStore.insert(unit, alias, roomId, userId);
    await commitOrRefuse(
      this.#database,
      unit,
      () => new MatrixError(409, 'M_UNKNOWN', `The alias ${alias} is taken`),
    );
  }

  /**
   * Tells the room which aliases it has on this server, in m.room.aliases ("Room aliases" of 2015). Nothing happens for a
   * user whom the room does not let: the list says nothing certain.
   */
  async announce(userId: UserId, roomId: RoomId): Promise<void> {
    const aliases = await this.ofRoom(roomId);
    try {
      await this.#writer.append(roomId, async (room) => {
        const before = await room.stateEvent('m.room.aliases', this.#serverName);
        const told = before?.content.aliases;
        if (JSON.stringify(told ?? []) === JSON.stringify(aliases)) return;
        const event = { type: 'm.room.aliases', stateKey: this.#serverName, content: { aliases } };
        await room.add({ ...event, sender: userId });
      });
    } catch (error) {
      if (!(error instanceof MatrixError) || error.status >= 500) throw error;
    }
  }

  /**
   * Deletes an alias. Its maker may, whoever may set the room's canonical alias, and the application service in whose
   * namespace it is. Gives the room that it was of.
   *
   * @throws MatrixError 400 M_EXCLUSIVE when it is another application service's alone, 403 M_FORBIDDEN, 404 for an
   *   unknown one.
   */
  async remove({ userId, appserviceId }: AliasOwner, alias: RoomAlias): Promise<RoomId> {
    this.#assertOwn(alias);
    this.#appservices.assertAliasNotReserved(alias, appserviceId);
    const row = await aliasesStore.byAlias(this.#database, alias);
    if (!row) throw notFound(`There is no room with the alias ${alias}`);
    const roomId = row.room_id as RoomId;
    const isIts = row.creator === userId || this.#appservices.controlsAlias(alias, appserviceId);
    if (!isIts && !(await this.maySetCanonicalAlias(userId, roomId))) {
      throw forbidden('An alias can be deleted by who made it and by moderators of the room');
    }
    const unit = new UnitOfWork();
    aliasesStore.remove(unit, alias);
    await commitOrRefuse(this.#database, unit, () => notFound(`There is no room with the alias ${alias}`));
    await this.#dropFromCanonical(userId, alias, roomId);
    return roomId;
  }

  /** All names of a room on this server, at most 1,000. */
  async ofRoom(roomId: RoomId): Promise<RoomAlias[]> {
    const rows = await aliasesStore.ofRoom(this.#database, roomId, '', MOST_ALIASES);
    return rows.map((row) => row.alias as RoomAlias);
  }

  /** Whether the user's power suffices for m.room.canonical_alias: who decides on a room's place in directories. */
  async maySetCanonicalAlias(userId: UserId, roomId: RoomId): Promise<boolean> {
    const room = await roomsStore.byId(this.#database, roomId);
    const create = await this.#log.state(roomId, 'm.room.create', '');
    if (!room || !create || (await this.#memberships.of(roomId, userId))?.membership !== 'join') return false;
    const levels = await this.#log.state(roomId, 'm.room.power_levels', '');
    const power = new PowerLevels(roomVersion(room.room_version), create, levels);
    return power.userLevel(userId) >= power.requiredFor('m.room.canonical_alias', true);
  }

  async #find(alias: RoomAlias): Promise<aliasesStore.AliasRow | undefined> {
    const row = await aliasesStore.byAlias(this.#database, alias);
    if (row || serverNameOf(alias) !== this.#serverName) return row;
    await this.#askForAlias(alias);
    return aliasesStore.byAlias(this.#database, alias);
  }

  #assertOwn(alias: RoomAlias): void {
    if (serverNameOf(alias) === this.#serverName) return;
    throw invalidParam(`Only aliases of ${this.#serverName} can be changed here`);
  }

  /** A deleted alias should not stay in m.room.canonical_alias; left there when the user may not change it. */
  async #dropFromCanonical(userId: UserId, alias: RoomAlias, roomId: RoomId): Promise<void> {
    if (!(await this.maySetCanonicalAlias(userId, roomId))) return;
    await this.#writer.append(roomId, async (room) => {
      const before = (await room.stateEvent('m.room.canonical_alias', ''))?.content;
      if (!before) return;
      const alternatives = Array.isArray(before.alt_aliases) ? before.alt_aliases : [];
      if (before.alias !== alias && !alternatives.includes(alias)) return;
      const content = { ...before };
      if (content.alias === alias) delete content.alias;
      if (content.alt_aliases !== undefined)
        content.alt_aliases = alternatives.filter((one) => one !== alias);
      await room.add({ type: 'm.room.canonical_alias', stateKey: '', content, sender: userId });
    });
  }
}
