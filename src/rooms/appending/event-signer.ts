import { countersignPdu, finishPdu, type SigningKey } from '../../protocol/signing.ts';
import type { CanonicalMember } from '../../protocol/canonical-json.ts';
import type { Pdu } from '../../protocol/events/event.ts';
import { checkEventSize } from '../../protocol/events/event-format.ts';
import type { EventId, ServerName } from '../../protocol/identifiers.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';

/** Turns what someone on this server wants to send into a signed event. */
export class EventSigner {
  readonly serverName: ServerName;
  readonly #key: SigningKey;
  readonly #opaqueId: () => string;

  /** @param opaqueId makes the unguessable part of event IDs in room versions 1 and 2. */
  constructor(serverName: ServerName, key: SigningKey, opaqueId: () => string) {
    this.serverName = serverName;
    this.#key = key;
    this.#opaqueId = opaqueId;
  }

  /**
   * Hashes and signs an event and gives it its ID.
   *
   * @throws MatrixError 413 M_TOO_LARGE for one over the size limits, 400 M_BAD_JSON for one that canonical JSON
   *   cannot express.
   */
  sign(pdu: Pdu, version: RoomVersion): { pdu: Pdu; eventId: EventId; members: readonly CanonicalMember[] } {
    if (version.eventIdFormat === 'server-chosen') {
      pdu.event_id = `$${this.#opaqueId()}:${this.serverName}`;
    }
    const finished = finishPdu(pdu, version, this.serverName, this.#key);
    checkEventSize(finished.pdu, finished.json);
    return { pdu: finished.pdu, eventId: finished.eventId, members: finished.members };
  }

  /** Another server's event with this server's signature added, its hashes untouched. Errors as `sign`. */
  countersign(pdu: Pdu, version: RoomVersion): Pdu {
    return countersignPdu(pdu, version, this.serverName, this.#key);
  }
}
