import { owns, type Appservice } from '../../accounts/application-services/appservices.ts';
import { boundedCache } from '../../platform/bounded-cache.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { membershipChange } from '../../rooms/events/room-changes.ts';
import type { StoredEvent } from '../../rooms/events/stored-event.ts';
import type { Visibility } from '../../rooms/reading/visibility.ts';
import type { Change, Database } from '../../storage/database.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';

/** A place among a room's members, in the order in which they are looked through. */
interface Place {
  readonly membership: string;
  readonly userId: string;
}

interface Found {
  /** One of the service's users who was joined; undefined where nobody was. */
  readonly witness: UserId | undefined;
  /** Where the witness was found: whoever looks again goes on there. */
  readonly found: Place;
}

/** What is known of a room, from one place in the log to before another. */
interface Known extends Found {
  readonly from: number;
  until: number;
}

const CACHED_ROOMS = 20_000;
const MEMBERS_AT_ONCE = 1_000;
const START: Place = { membership: '', userId: '' };

/**
 * Whether users of application services were joined when an event happened, which for a service that was not there for a
 * while is long ago. Asked for events in the order of the log: of each room one such user is remembered for as long as no
 * event says that this one left, so that nothing is read for most events.
 */
export class JoinedAtEvent {
  readonly #database: Database;
  readonly #visibility: Visibility;
  /** By application service and room. */
  readonly #known = boundedCache<string, Known>(CACHED_ROOMS);
  /** Where members changed last by no event of the timeline, by the same. */
  readonly #changed = boundedCache<string, number>(CACHED_ROOMS);

  constructor(needs: { database: Database; visibility: Visibility; services: readonly Appservice[] }) {
    this.#database = needs.database;
    this.#visibility = needs.visibility;
    needs.database.subscribe((changes) => {
      for (const change of changes) this.#observe(change, needs.services);
    });
  }

  /** One of the service's users who was joined at an event of a timeline; undefined where nobody was. */
  async witness(service: Appservice, event: StoredEvent): Promise<UserId | undefined> {
    const key = keyOf(service, event.roomId);
    const known = this.#known.get(key);
    if (known && holdsAt(known, event)) return known.witness;
    const { witness, found } = await this.#look(service, event, known?.found ?? START);
    const changed = this.#changed.get(key) ?? 0;
    const until = changed > event.position ? changed : Infinity;
    this.#known.set(key, { from: event.position, until, witness, found });
    return witness;
  }

  /** Takes note of an event by which a membership of one of the service's users changed. */
  note(service: Appservice, event: StoredEvent): void {
    const key = keyOf(service, event.roomId);
    const known = this.#known.get(key);
    // Where the room had forked, the event need not be what holds now.
    if (!known || event.roomRoot !== undefined || !holdsAt(known, event)) return outdate(known, event);
    if (event.content.membership === 'join') {
      if (known.witness !== undefined) return;
      const witness = event.stateKey as UserId;
      this.#known.set(key, { ...known, from: event.position, witness });
    } else if (event.stateKey === known.witness) outdate(known, event);
  }

  #observe(change: Change, services: readonly Appservice[]): void {
    if (change.topic === 'reset') return this.#known.clear();
    const changed = change.topic === 'state' ? membershipChange(change) : undefined;
    if (!changed) return;
    for (const service of services) {
      if (!owns(service, changed.userId)) continue;
      const key = keyOf(service, changed.roomId);
      this.#changed.set(key, change.position);
      outdate(this.#known.peek(key), change);
    }
  }

  /** Looks through all who are or were in the room, from a place on and around. */
  async #look(service: Appservice, event: StoredEvent, begin: Place): Promise<Found> {
    let isAround = begin === START;
    for (let after = begin; ;) {
      const rows = await membershipsStore.eventsOf(this.#database, event.roomId, after, MEMBERS_AT_ONCE);
      for (const row of rows) {
        const found = after;
        after = { membership: row.membership, userId: row.user_id };
        const wasJoined = owns(service, row.user_id) && (await this.#membershipAt(event, row)) === 'join';
        if (wasJoined) return { witness: row.user_id as UserId, found };
      }
      if (rows.length === MEMBERS_AT_ONCE) continue;
      if (isAround) return { witness: undefined, found: START };
      isAround = true;
      after = START;
    }
  }

  /** What a member was at the event: what the user is now, but for one whose membership changed since. */
  #membershipAt(event: StoredEvent, row: MemberRow): string | Promise<string> {
    if (row.position <= event.position) return row.membership;
    return this.#visibility.membershipAt(event.roomRoot ?? event.stateRoot, row.user_id as UserId);
  }
}

type MemberRow = Pick<membershipsStore.MembershipRow, 'user_id' | 'membership' | 'position'>;

function keyOf(service: Appservice, roomId: RoomId): string {
  return `${service.id}\0${roomId}`;
}

function outdate(known: Known | undefined, { position }: { readonly position: number }): void {
  if (known) known.until = Math.min(known.until, position);
}

function holdsAt(known: Known, { position }: StoredEvent): boolean {
  return known.from <= position && position < known.until;
}
