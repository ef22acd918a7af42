import { owns, type Appservice } from '../../accounts/application-services/appservices.ts';
import { boundedCache } from '../../platform/bounded-cache.ts';
import { isInNamespace } from '../../protocol/application-services/registration.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { StoredEvent } from '../../rooms/events/stored-event.ts';
import { membershipChange } from '../../rooms/events/room-changes.ts';
import type { Sight } from '../../rooms/reading/client-events.ts';
import type { Visibility } from '../../rooms/reading/visibility.ts';
import * as aliasesStore from '../../storage/rooms/aliases-store.ts';
import type { Database } from '../../storage/database.ts';
import { ReadCache } from '../../storage/read-cache.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import { JoinedAtEvent } from './joined-at-event.ts';

const CACHED_ROOMS = 20_000;
const MEMBERS_AT_ONCE = 1_000;
const MOST_ALIASES = 100;

/**
 * What concerns an application service: what happens in rooms of its namespaces, or in which somebody of its namespaces is
 * joined, and what is about somebody of them (Application Service API, "Registration").
 */
export class AppserviceInterest {
  readonly #database: Database;
  readonly #joinedThen: JoinedAtEvent;
  /** Whether somebody of its namespaces is joined now, by application service and room. */
  readonly #joined: ReadCache<string, boolean>;

  constructor(database: Database, visibility: Visibility, services: readonly Appservice[]) {
    this.#database = database;
    this.#joinedThen = new JoinedAtEvent({ database, visibility, services });
    this.#joined = new ReadCache(database, boundedCache(CACHED_ROOMS), (change) => {
      const changed = membershipChange(change);
      if (!changed) return [];
      const owners = services.filter((service) => owns(service, changed.userId));
      return owners.map((service) => `${service.id}\0${changed.roomId}`);
    });
  }

  /**
   * By whose eyes it sees an event of a timeline that concerns it: those of the user by whom it does, or, in a room of its
   * namespaces, everything; undefined for one that does not concern it. Is asked for each in the order of the log.
   */
  async sightOf(service: Appservice, event: StoredEvent): Promise<Sight | undefined> {
    const { type, stateKey, roomId, sender } = event;
    const isAboutOwn = type === 'm.room.member' && stateKey !== undefined && owns(service, stateKey);
    if (isAboutOwn) this.#joinedThen.note(service, event);
    if (isInNamespace(service, 'rooms', roomId)) return 'everything';
    if (isAboutOwn) return stateKey as UserId;
    if (owns(service, sender)) return sender;
    const witness = await this.#joinedThen.witness(service, event);
    if (witness !== undefined) return witness;
    return (await this.#hasAlias(service, roomId)) ? 'everything' : undefined;
  }

  /** Whether what passes by in a room now concerns it. */
  async inRoom(service: Appservice, roomId: RoomId): Promise<boolean> {
    if (isInNamespace(service, 'rooms', roomId)) return true;
    return (await this.hasMember(service, roomId)) || this.#hasAlias(service, roomId);
  }

  /** Whether any of its users is joined to a room now. */
  hasMember(service: Appservice, roomId: RoomId): boolean | Promise<boolean> {
    return this.#joined.get(`${service.id}\0${roomId}`, () => this.#look(service, roomId));
  }

  async #hasAlias(service: Appservice, roomId: RoomId): Promise<boolean> {
    if (service.namespaces.aliases.length === 0) return false;
    const aliases = await aliasesStore.ofRoom(this.#database, roomId, '', MOST_ALIASES);
    return aliases.some(({ alias }) => isInNamespace(service, 'aliases', alias));
  }

  async #look(service: Appservice, roomId: RoomId): Promise<boolean> {
    for (let after = ''; ;) {
      const members = await membershipsStore.members(this.#database, roomId, 'join', after, MEMBERS_AT_ONCE);
      if (members.some((member) => owns(service, member))) return true;
      const last = members.at(-1);
      if (last === undefined || members.length < MEMBERS_AT_ONCE) return false;
      after = last;
    }
  }
}
