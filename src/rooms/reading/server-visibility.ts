import { stateKeyOf } from '../../protocol/events/event.ts';
import { redact } from '../../protocol/events/redaction.ts';
import type { Pdu } from '../../protocol/events/event.ts';
import type { RoomId, ServerName } from '../../protocol/identifiers.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import type { Reader } from '../../storage/database.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import type { EventLog } from '../events/event-log.ts';
import { asSent, pduOfEvent } from '../events/pdu-of-event.ts';
import type { StateTries } from '../state/state-trie.ts';
import type { StateRoot, StoredEvent } from '../events/stored-event.ts';

/** Users of a server that are looked at to find one who was in the room at an event. */
const MOST_USERS = 200;

/** Decides which events another server that is in a room may see, and gives what it may not see redacted. */
export class ServerVisibility {
  readonly #reader: Reader;
  readonly #log: EventLog;
  readonly #tries: StateTries;

  constructor(reader: Reader, log: EventLog, tries: StateTries) {
    this.#reader = reader;
    this.#log = log;
    this.#tries = tries;
  }

  /**
   * The events as the server may have them (Server-Server API, "Backfilling and retrieving missing events"): state events
   * whole, since they authorise others; messages from which the room's history visibility shut out all of its users, redacted.
   */
  async pdus(
    room: { roomId: RoomId; version: RoomVersion },
    server: ServerName,
    events: readonly StoredEvent[],
  ): Promise<Pdu[]> {
    const known = new Map<StateRoot, boolean>();
    const pdus: Pdu[] = [];
    for (const event of events) {
      const pdu = pduOfEvent(event, room.version);
      const isOpen = event.stateKey !== undefined || (await this.#maySee(room.roomId, server, event, known));
      pdus.push(asSent(isOpen ? pdu : redact(pdu, room.version), room.version));
    }
    return pdus;
  }

  async #maySee(
    roomId: RoomId,
    server: ServerName,
    event: StoredEvent,
    known: Map<StateRoot, boolean>,
  ): Promise<boolean> {
    if (event.sender.endsWith(`:${server}`)) return true;
    const root = event.stateAfter;
    if (root === undefined) return false;
    const decided = known.get(root);
    if (decided !== undefined) return decided;
    const maySee = await this.#mayAt(roomId, server, root);
    known.set(root, maySee);
    return maySee;
  }

  async #mayAt(roomId: RoomId, server: ServerName, root: StateRoot): Promise<boolean> {
    const id = await this.#tries.get(root, stateKeyOf('m.room.history_visibility', ''));
    const visibility = id && (await this.#log.byId(id))?.content.history_visibility;
    if (visibility !== 'joined' && visibility !== 'invited') return true;
    for (const userId of await membershipsStore.ofServer(this.#reader, roomId, server, MOST_USERS)) {
      const memberId = await this.#tries.get(root, stateKeyOf('m.room.member', userId));
      const membership = memberId && (await this.#log.byId(memberId))?.content.membership;
      if (membership === 'join' || (membership === 'invite' && visibility === 'invited')) return true;
    }
    return false;
  }
}
