import { parsePdu } from '../../protocol/events/event-format.ts';
import type { Pdu } from '../../protocol/events/event.ts';
import type { ServerName } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { ROOM_VERSIONS, type RoomVersion } from '../../protocol/room-versions.ts';
import type { ReceivedEvent } from '../../rooms/appending/event-receipt.ts';
import type { EventSigner } from '../../rooms/appending/event-signer.ts';
import type { RemoteMembershipWish } from '../../rooms/membership/remote-rooms.ts';
import { unusable } from './joined-state.ts';
import type { Handshake, MembershipRequests } from './membership-requests.ts';

/** A membership event, signed, and the version of its room. */
export interface DraftedMembership extends ReceivedEvent {
  readonly version: RoomVersion;
}

/** Makes the events by which users of this server come into rooms of others and leave them. */
export class MembershipDrafts {
  readonly #requests: MembershipRequests;
  readonly #signer: EventSigner;
  readonly #clock: { now(): number };

  constructor(needs: { requests: MembershipRequests; signer: EventSigner; clock: { now(): number } }) {
    this.#requests = needs.requests;
    this.#signer = needs.signer;
    this.#clock = needs.clock;
  }

  /**
   * Asks a server of the room for a template and makes a signed event of it. Of the template only what places the event is
   * taken; one that is for something else than was asked for is not signed at all (Server-Server API, "Joining Rooms").
   */
  async ofTemplate(
    server: ServerName,
    step: Handshake,
    wish: RemoteMembershipWish,
  ): Promise<DraftedMembership> {
    const answer = await this.#requests.template(server, step, wish);
    const version = ROOM_VERSIONS.get(typeof answer.room_version === 'string' ? answer.room_version : '1');
    const template = isJsonObject(answer.event) ? answer.event : undefined;
    if (!version || !template) throw unusable('its version is not known, or there is no template');
    if (!isFor(template, step, wish)) throw unusable('the template is for something else than was asked for');
    const content = { ...wish.content };
    const offered = isJsonObject(template.content) ? template.content.join_authorised_via_users_server : '';
    if (step === 'join' && typeof offered === 'string' && offered !== '') {
      content.join_authorised_via_users_server = offered;
    }
    const unsigned: JsonObject = {
      auth_events: template.auth_events,
      prev_events: template.prev_events,
      depth: template.depth,
      ...this.#unplaced({ ...wish, content }),
    };
    if (version.eventIdFormat === 'server-chosen') unsigned.event_id = `$template:${this.#signer.serverName}`;
    return { version, ...this.#signer.sign(parsePdu(unsigned, version), version) };
  }

  /** A leave that nobody helps with: it has no place in the room, and only the user's own server knows of it. */
  placeless(wish: RemoteMembershipWish, version: RoomVersion): DraftedMembership {
    const unsigned: Pdu = { auth_events: [], prev_events: [], depth: 1, ...this.#unplaced(wish) };
    return { version, ...this.#signer.sign(unsigned, version) };
  }

  /** What does not depend on where in the room the event goes. */
  #unplaced({ roomId, userId, content }: RemoteMembershipWish) {
    return {
      content,
      origin_server_ts: this.#clock.now(),
      room_id: roomId,
      sender: userId,
      state_key: userId,
      type: 'm.room.member',
    };
  }
}

/** Whether a template is for this change of membership, as far as it says. */
function isFor(template: JsonObject, step: Handshake, { roomId, userId }: RemoteMembershipWish): boolean {
  const { content } = template;
  const said: [JsonValue | undefined, string][] = [
    [template.type, 'm.room.member'],
    [template.room_id, roomId],
    [template.sender, userId],
    [template.state_key, userId],
    [isJsonObject(content) ? content.membership : content, step],
  ];
  return said.every(([is, expected]) => is === undefined || is === expected);
}
