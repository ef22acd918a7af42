import {
  parseUserId,
  serverNameOf,
  type EventId,
  type RoomId,
  type ServerName,
} from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { Memberships } from '../../rooms/membership/memberships.ts';
import type { OutsideMemberships } from '../../rooms/membership/outside-memberships.ts';
import { verifiedEvent, type SignatureChecker } from './pdu-verification.ts';

/** Takes events of rooms that are not here: those by which an invite or a knock of a user of this server ends. */
export class OutsideEvents {
  readonly #memberships: Memberships;
  readonly #outside: OutsideMemberships;
  readonly #signatures: SignatureChecker;
  readonly #serverName: ServerName;

  constructor(needs: {
    memberships: Memberships;
    outside: OutsideMemberships;
    signatures: SignatureChecker;
    serverName: ServerName;
  }) {
    this.#memberships = needs.memberships;
    this.#outside = needs.outside;
    this.#signatures = needs.signatures;
    this.#serverName = needs.serverName;
  }

  /** Takes an event and gives its ID, if it is one that matters here. */
  async take(origin: ServerName, roomId: RoomId, event: JsonObject): Promise<EventId | undefined> {
    const { type, state_key: stateKey, content } = event;
    const userId = typeof stateKey === 'string' ? parseUserId(stateKey) : undefined;
    const { membership } = isJsonObject(content) ? content : {};
    const ends = type === 'm.room.member' && (membership === 'leave' || membership === 'ban');
    if (!userId || !ends || serverNameOf(userId) !== this.#serverName) return undefined;
    const now = await this.#memberships.of(roomId, userId);
    if (now?.membership !== 'invite' && now?.membership !== 'knock') return undefined;
    // Who else has the power to take an invite back cannot be known from outside: anybody could claim it.
    if (now.membership === 'invite' && event.sender !== now.sender) return undefined;
    const known = await this.#outside.of(userId, roomId);
    if (!known) return undefined;
    // Nor who may end a knock: a server by which it went is in the room, or one in whose name the room is.
    const isFromRoom = origin === known.via || origin === serverNameOf(roomId);
    if (now.membership === 'knock' && !isFromRoom) return undefined;
    try {
      const { version } = known;
      const { pdu, eventId } = await verifiedEvent(event, version, roomId, this.#signatures, origin);
      if (!pdu.sender.endsWith(`:${origin}`)) return undefined;
      await this.#outside.set({ roomId, version, userId, eventId, pdu });
      return eventId;
    } catch (error) {
      if (error instanceof MatrixError) return undefined;
      throw error;
    }
  }
}
