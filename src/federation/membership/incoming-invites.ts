import { eventIdOf } from '../../protocol/events/event-id.ts';
import type { Pdu } from '../../protocol/events/event.ts';
import {
  parseUserId,
  serverNameOf,
  type EventId,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonValue } from '../../protocol/json.ts';
import { invalidParam, MatrixError, notFound } from '../../protocol/matrix-error.ts';
import { ROOM_VERSIONS, type RoomVersion } from '../../protocol/room-versions.ts';
import type { EventSigner } from '../../rooms/appending/event-signer.ts';
import type { InviteRules } from '../../rooms/membership/invitations.ts';
import type { OutsideMemberships } from '../../rooms/membership/outside-memberships.ts';
import type { Database } from '../../storage/database.ts';
import * as usersStore from '../../storage/accounts/users-store.ts';
import { verifiedEvent, type SignatureChecker } from '../inbound/pdu-verification.ts';
import { incompatible } from './resident-membership.ts';

/** An invite as another server sent it. */
export interface SentInvite {
  readonly roomId: RoomId;
  readonly eventId: EventId;
  readonly roomVersion: string;
  readonly event: JsonValue;
  /** What the invited user is to be shown of the room: events, or only their essence. */
  readonly strippedState: readonly JsonValue[];
}

/** Events that an invite may bring along. */
const MOST_STATE = 100;

/** Takes invites of other servers for users of this one (Server-Server API, "Inviting to a room"). */
export class IncomingInvites {
  readonly #database: Database;
  readonly #signer: EventSigner;
  readonly #signatures: SignatureChecker;
  readonly #rules: InviteRules;
  readonly #outside: OutsideMemberships;

  constructor(needs: {
    database: Database;
    signer: EventSigner;
    signatures: SignatureChecker;
    rules: InviteRules;
    outside: OutsideMemberships;
  }) {
    this.#database = needs.database;
    this.#signer = needs.signer;
    this.#signatures = needs.signatures;
    this.#rules = needs.rules;
    this.#outside = needs.outside;
  }

  /**
   * Signs an invite and tells the user of it.
   *
   * @throws MatrixError 400 M_INVALID_PARAM for what is no invite of a user of this server by that server, or not signed, or,
   *   from room version 12 on, comes without the state that it must; 400 M_INCOMPATIBLE_ROOM_VERSION; 403 M_INVITE_BLOCKED;
   *   404 for an unknown user.
   */
  async take(server: ServerName, sent: SentInvite): Promise<Pdu> {
    const { roomId, eventId } = sent;
    const version = ROOM_VERSIONS.get(sent.roomVersion);
    if (!version) throw incompatible({ id: sent.roomVersion });
    const { target, sender } = this.#peopleOf(server, sent);
    const pdu = await this.#verified(sent.event, version, roomId);
    await this.#checkState(sent.strippedState, version, roomId);
    if (eventIdOf(pdu, version) !== eventId) throw invalidParam('The path names another event than the body');
    // Before the user is looked up: an application service that is asked then may make them.
    await this.#rules.assertInvitable(target, sender);
    const user = await usersStore.byId(this.#database, target);
    if (!user || user.deactivated !== 0) throw notFound(`There is no user ${target}`);
    return this.#keep({ roomId, version, userId: target, eventId, pdu }, sent.strippedState);
  }

  /**
   * Whole events are checked from room version 12 on, and that of the room's creation must be there. Servers that follow a
   * version of the specification before 1.16 send stripped state in all rooms; it is taken as it comes (decision 0013).
   */
  async #checkState(state: readonly JsonValue[], version: RoomVersion, roomId: RoomId): Promise<void> {
    if (!version.roomIdIsCreateHash) return;
    if (state.length > MOST_STATE) throw invalidParam(`"invite_room_state" may have ${MOST_STATE} events`);
    const whole = state.filter((event) => !isStripped(event));
    await Promise.all(whole.map((event) => this.#verified(event, version, roomId)));
    if (!state.some((event) => isJsonObject(event) && event.type === 'm.room.create')) {
      throw invalidParam('"invite_room_state" must have the m.room.create event of the room');
    }
  }

  async #verified(event: JsonValue, version: RoomVersion, roomId: RoomId): Promise<Pdu> {
    try {
      return (await verifiedEvent(event, version, roomId, this.#signatures)).pdu;
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error;
      throw invalidParam(`An event of the invite cannot be taken: ${error.message}`);
    }
  }

  async #keep(
    invite: { roomId: RoomId; version: RoomVersion; userId: UserId; eventId: EventId; pdu: Pdu },
    stripped: readonly JsonValue[],
  ): Promise<Pdu> {
    const signed = this.#signer.countersign(invite.pdu, invite.version);
    // Where all that are known here have left, others may be in the room of whom nobody told this server: one invites.
    if (!(await this.#outside.hasMembers(invite.roomId))) {
      await this.#outside.set({ ...invite, pdu: signed }, stripped);
    }
    return signed;
  }

  #peopleOf(server: ServerName, { event, roomId }: SentInvite): { target: UserId; sender: UserId } {
    if (!isJsonObject(event) || !isJsonObject(event.content)) throw invalidParam('"event" must be an event');
    const { type, state_key: stateKey, sender: by, content } = event;
    const target = typeof stateKey === 'string' ? parseUserId(stateKey) : undefined;
    const sender = typeof by === 'string' ? parseUserId(by) : undefined;
    const isInvite = type === 'm.room.member' && content.membership === 'invite' && event.room_id === roomId;
    if (!isInvite || !target || !sender)
      throw invalidParam('"event" must be an invite to the room of the path');
    if (serverNameOf(target) !== this.#signer.serverName) {
      throw invalidParam(`${target} is not a user of this server`);
    }
    if (serverNameOf(sender) !== server) throw invalidParam(`${sender} is not a user of ${server}`);
    return { target, sender };
  }
}

/** Whether an event comes without all that other servers need of it. */
function isStripped(event: JsonValue): boolean {
  return isJsonObject(event) && !('origin_server_ts' in event || 'signatures' in event || 'hashes' in event);
}
