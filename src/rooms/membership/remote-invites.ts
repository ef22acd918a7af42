import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Pdu } from '../../protocol/events/event.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { forbidden } from '../../protocol/matrix-error.ts';
import type { Writer } from '../../storage/database.ts';
import { receiveEvent } from '../appending/event-receipt.ts';
import type { EventSigner } from '../appending/event-signer.ts';
import { approved } from '../appending/policy-signing.ts';
import { sentPdu } from '../events/pdu-of-event.ts';
import type { RemoteRooms, SignedInvite } from './remote-rooms.ts';
import type { RoomTransaction } from '../appending/room-transaction.ts';
import type { RoomWriter } from '../appending/room-writer.ts';
import { STRIPPED_TYPES } from './stripped-state.ts';

/** An invite that is to be made, for a user of another server. */
export interface InviteDraft {
  readonly sender: UserId;
  readonly roomId: RoomId;
  readonly target: UserId;
  readonly content: JsonObject;
}

/**
 * Invites users of other servers (Server-Server API, "Inviting to a room"): the invite is made and signed, by the room's policy
 * server, too, if it has one, then by the target's server, and only then added to the room, which may have moved on meanwhile.
 */
export class RemoteInvites {
  readonly #writer: RoomWriter;
  readonly #signer: EventSigner;
  readonly #remote: RemoteRooms;

  constructor(needs: { writer: RoomWriter; signer: EventSigner; remote: RemoteRooms }) {
    this.#writer = needs.writer;
    this.#signer = needs.signer;
    this.#remote = needs.remote;
  }

  /**
   * @param also what else belongs into the unit of work that adds it to the room.
   * @throws MatrixError 403 when the room does not allow it, what the room's policy server says against it, and whatever the
   *   target's server answers.
   */
  async invite(
    draft: InviteDraft,
    also: (unit: Writer, eventId: EventId) => void = () => undefined,
  ): Promise<EventId> {
    const { invite, stripped } = await this.#signed(draft);
    const pdu = await this.#remote.invite(invite, draft.target, stripped);
    await this.#writer.append(draft.roomId, async (room, unit) => {
      also(unit, invite.eventId);
      const verdict = await receiveEvent(room, unit, { pdu, eventId: invite.eventId });
      if (verdict.outcome === 'rejected') throw forbidden(verdict.reason);
      if (verdict.outcome === 'soft-failed') throw forbidden('The room does not allow this invite any more');
      const event = room.events.at(-1);
      if (event) room.outgoing.add(event);
    });
    return invite.eventId;
  }

  async #signed({ sender, roomId, target, content }: InviteDraft): Promise<{
    invite: SignedInvite;
    stripped: Pdu[];
  }> {
    return this.#writer.append(roomId, async (room) => {
      const { version } = room.head;
      const template = await room.template({ type: 'm.room.member', stateKey: target, sender, content });
      const { pdu: own, eventId } = this.#signer.sign(template, version);
      const pdu = await approved(room, own);
      return { invite: { roomId, version, pdu, eventId }, stripped: await strippedFor(room, sender) };
    });
  }
}

/** What an invited user's server is told of the room: whole events, from which it may take what it shows. */
export async function strippedFor(room: RoomTransaction, sender: UserId | undefined): Promise<Pdu[]> {
  const pdus: Pdu[] = [];
  const keys: [string, string][] = STRIPPED_TYPES.map((type) => [type, '']);
  if (sender !== undefined) keys.push(['m.room.member', sender]);
  for (const [type, stateKey] of keys) {
    const event = await room.stateEvent(type, stateKey);
    if (event) pdus.push(sentPdu(event, room.head.version));
  }
  return pdus;
}
