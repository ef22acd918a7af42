import type { Timers } from '../../platform/timers.ts';
import { eventIdOf } from '../../protocol/events/event-id.ts';
import type { Pdu } from '../../protocol/events/event.ts';
import {
  parseServerName,
  serverNameOf,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { ROOM_VERSIONS, type RoomVersion } from '../../protocol/room-versions.ts';
import type { ReceivedEvent } from '../../rooms/appending/event-receipt.ts';
import type { EventSigner } from '../../rooms/appending/event-signer.ts';
import { hasMembersBy, type OutsideMemberships } from '../../rooms/membership/outside-memberships.ts';
import type { RemoteMembershipWish, RemoteRooms, SignedInvite } from '../../rooms/membership/remote-rooms.ts';
import type { PartialRooms } from '../../rooms/state/partial-rooms.ts';
import { RoomHead } from '../../rooms/appending/room-head.ts';
import type { RoomWriter } from '../../rooms/appending/room-writer.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import { FederationError } from '../federation-error.ts';
import type { EventGathering, GatheredRoom } from '../inbound/event-gathering.ts';
import type { OwnReceipt } from '../inbound/event-receiver.ts';
import { verifiedEvent, type SignatureChecker } from '../inbound/pdu-verification.ts';
import { unusable, writeJoinedRoom, type JoinedRoom } from './joined-state.ts';
import { JoinTurns } from './join-turns.ts';
import { MembershipDrafts, type DraftedMembership } from './membership-drafts.ts';
import { errorForClient, type MembershipRequests } from './membership-requests.ts';

/** Takes joins into rooms that are here. */
interface JoinReceiver {
  receiveJoin(asked: ServerName, roomId: RoomId, join: ReceivedEvent): Promise<OwnReceipt>;
}

/** Servers of a room that are believed to be in it before its members are known. */
const MOST_SERVERS = 10_000;

/** Brings users of this server into rooms of others, and out of them. */
export class RemoteMembership implements RemoteRooms {
  readonly #database: Database;
  readonly #writer: RoomWriter;
  readonly #ownServer: ServerName;
  readonly #requests: MembershipRequests;
  readonly #drafts: MembershipDrafts;
  readonly #gathering: EventGathering;
  readonly #signatures: SignatureChecker;
  readonly #outside: OutsideMemberships;
  readonly #receiver: JoinReceiver;
  readonly #partial: PartialRooms;
  readonly #joins: JoinTurns;

  constructor(needs: {
    database: Database;
    writer: RoomWriter;
    signer: EventSigner;
    requests: MembershipRequests;
    gathering: EventGathering;
    signatures: SignatureChecker;
    outside: OutsideMemberships;
    receiver: JoinReceiver;
    partial: PartialRooms;
    clock: { now(): number };
    timers: Timers;
  }) {
    this.#database = needs.database;
    this.#writer = needs.writer;
    this.#ownServer = needs.signer.serverName;
    this.#requests = needs.requests;
    this.#drafts = new MembershipDrafts(needs);
    this.#gathering = needs.gathering;
    this.#signatures = needs.signatures;
    this.#outside = needs.outside;
    this.#receiver = needs.receiver;
    this.#partial = needs.partial;
    this.#joins = new JoinTurns(needs.timers);
  }

  join(wish: RemoteMembershipWish): Promise<void> {
    return this.#joins.run(wish.roomId, () => this.#eachServer(wish, (server) => this.#joinBy(server, wish)));
  }

  knock(wish: RemoteMembershipWish): Promise<void> {
    return this.#eachServer(wish, async (server) => {
      const { version, pdu, eventId } = await this.#drafts.ofTemplate(server, 'knock', wish);
      const { roomId, userId } = wish;
      const stripped = await this.#requests.sendKnock(server, roomId, eventId, pdu);
      await this.#outside.set({ roomId, version, userId, eventId, pdu, via: server }, stripped);
    });
  }

  async leave(wish: RemoteMembershipWish): Promise<void> {
    const { roomId, userId } = wish;
    try {
      await this.#eachServer(wish, async (server) => {
        const { version, pdu, eventId } = await this.#drafts.ofTemplate(server, 'leave', wish);
        await this.#requests.sendLeave(server, roomId, eventId, pdu);
        await this.#outside.set({ roomId, version, userId, eventId, pdu });
      });
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error;
      await this.#leaveAlone(wish);
    }
  }

  async invite(invite: SignedInvite, target: UserId, strippedState: readonly Pdu[]): Promise<Pdu> {
    const { roomId, version, eventId } = invite;
    const server = serverNameOf(target);
    const answer = await this.#requests
      .sendInvite(server, invite, strippedState)
      .catch((error: unknown) => throwAsMatrixError(error));
    const signed = await this.#verified(answer, { ...invite, pdu: invite.pdu }).catch((error: unknown) => {
      if (error instanceof MatrixError) return undefined;
      throw error;
    });
    const isSigned = signed && (await this.#signatures.verifyPdu(signed, version, server));
    if (isSigned === true && eventIdOf(signed, version) === eventId) return signed;
    throw new MatrixError(502, 'M_UNKNOWN', `${server} did not sign the invite to ${roomId}`);
  }

  async #verified(value: JsonValue | undefined, invite: SignedInvite): Promise<Pdu> {
    return (await verifiedEvent(value, invite.version, invite.roomId, this.#signatures)).pdu;
  }

  /** Tries one server after the other. The error is that of the first that had something against it, else of the last. */
  async #eachServer(
    { servers }: RemoteMembershipWish,
    attempt: (server: ServerName) => Promise<void>,
  ): Promise<void> {
    let refusal: MatrixError | undefined;
    let failure: MatrixError | undefined;
    for (const server of servers) {
      try {
        return await attempt(server);
      } catch (error) {
        const translated = error instanceof FederationError ? errorForClient(error) : error;
        if (!(translated instanceof MatrixError)) throw error;
        failure = translated;
        if (translated.status < 500) refusal ??= translated;
      }
    }
    throw refusal ?? failure ?? new MatrixError(404, 'M_NOT_FOUND', 'No server is known to have this room');
  }

  async #joinBy(server: ServerName, wish: RemoteMembershipWish): Promise<void> {
    const { roomId, isGuest } = wish;
    if (isGuest === true && !(await this.#requests.letsGuestsIn(server, roomId))) {
      throw new MatrixError(403, 'M_GUEST_ACCESS_FORBIDDEN', 'This room does not let guests in');
    }
    const prepared = await this.#drafts.ofTemplate(server, 'join', wish);
    const isNew = (await roomsStore.byId(this.#database, roomId)) === undefined;
    const isPartial = this.#partial.isPartial(roomId);
    let answer = await this.#requests.sendJoin(server, { roomId, ...prepared }, isNew || isPartial);
    if (await this.#outside.hasMembers(roomId)) return this.#takeJoin(server, wish, prepared, answer);
    if (isPartial) {
      // Its members are still being fetched. Only what was missed in between may make it necessary to get the room anew.
      if (await this.#takeIfPlaced(server, wish, prepared, answer)) return;
      answer = await this.#requests.sendJoin(server, { roomId, ...prepared }, false);
    }
    const joined = await this.#verifiedRoom(server, wish, prepared, answer);
    if (isNew) return this.#found(server, wish, prepared, { answer, joined });
    if (joined.lacksMembersOf) throw unusable('it lacks members, which was not asked for');
    const isWritten = await this.#writer.append(roomId, async (room, unit) => {
      if (hasMembersBy(room.point)) return false;
      await writeJoinedRoom(room, unit, joined);
      return true;
    });
    // Somebody else came into the room while what the other server gave was checked.
    if (!isWritten) await this.#takeJoin(server, wish, prepared, answer);
  }

  /** Writes down a room that was not here. Where another process was first, the join goes into its room. */
  async #found(
    server: ServerName,
    wish: RemoteMembershipWish,
    prepared: DraftedMembership,
    { answer, joined }: { answer: JsonObject; joined: JoinedRoom },
  ): Promise<void> {
    const { roomId, version } = joined;
    try {
      await this.#writer.create(RoomHead.empty(roomId, version), (room, unit) =>
        writeJoinedRoom(room, unit, joined),
      );
    } catch (error) {
      if (!(error instanceof GuardFailed)) throw error;
      return this.#takeJoin(server, wish, prepared, answer);
    }
  }

  /** A join that another server vouched for, of a room that is here. */
  async #takeJoin(
    server: ServerName,
    wish: RemoteMembershipWish,
    prepared: DraftedMembership,
    answer: JsonObject,
  ): Promise<void> {
    if (await this.#takeIfPlaced(server, wish, prepared, answer)) return;
    throw new MatrixError(502, 'M_UNKNOWN', 'The other server does not tell what came before the join');
  }

  /** False where it is not known what the join follows. 403 where the room, as it is here, does not allow it. */
  async #takeIfPlaced(
    server: ServerName,
    { roomId }: RemoteMembershipWish,
    prepared: DraftedMembership,
    answer: JsonObject,
  ): Promise<boolean> {
    const join = await this.#completed({ roomId, version: prepared.version }, prepared, answer);
    const { error, isPlaced } = await this.#receiver.receiveJoin(server, roomId, join);
    if (isPlaced && error !== undefined) throw new MatrixError(403, 'M_FORBIDDEN', error);
    return isPlaced;
  }

  async #verifiedRoom(
    server: ServerName,
    { roomId }: RemoteMembershipWish,
    prepared: DraftedMembership,
    answer: JsonObject,
  ): Promise<JoinedRoom> {
    const room = { roomId, version: prepared.version };
    const join = await this.#completed(room, prepared, answer);
    const [state, authChain] = await Promise.all([
      this.#gathering.verified(room, listIn(answer, 'state')),
      this.#gathering.verified(room, listIn(answer, 'auth_chain')),
    ]);
    return { ...room, join, state, authChain, lacksMembersOf: this.#lacking(server, answer) };
  }

  /**
   * The join as it goes into the room: with the signatures that were added there, of a server that vouches for it, where it
   * needs one, and of the room's policy server.
   */
  async #completed(
    room: GatheredRoom,
    { pdu, eventId, members }: DraftedMembership,
    { event }: JsonObject,
  ): Promise<ReceivedEvent> {
    const [join] = isJsonObject(event) ? await this.#gathering.verified(room, [event]) : [];
    // One whose hash does not match is given redacted, which it is known by: it lacks `members`.
    if (join?.eventId === eventId && join.members) return join;
    const isVouchedFor = pdu.content.join_authorised_via_users_server !== undefined;
    if (isVouchedFor && isJsonObject(event)) throw unusable('the join is not signed as it should be');
    return { pdu, eventId, members };
  }

  /** The other servers in the room, the one that was asked first, where members were left out. */
  #lacking(server: ServerName, answer: JsonObject): ServerName[] | undefined {
    if (answer.members_omitted !== true) return undefined;
    const named = listIn(answer, 'servers_in_room').flatMap((name) => {
      return (typeof name === 'string' ? parseServerName(name) : undefined) ?? [];
    });
    const servers = new Set([server, ...named]);
    servers.delete(this.#ownServer);
    return [...servers].slice(0, MOST_SERVERS);
  }

  /** Leaves without anybody's help. */
  async #leaveAlone(wish: RemoteMembershipWish): Promise<void> {
    const { roomId, userId } = wish;
    const known = await this.#outside.of(userId, roomId);
    const version = known?.version ?? (ROOM_VERSIONS.get('11') as RoomVersion);
    const { pdu, eventId } = this.#drafts.placeless(wish, version);
    await this.#outside.set({ roomId, version, userId, eventId, pdu });
  }
}

function listIn(answer: JsonObject, key: string): readonly JsonValue[] {
  const list = answer[key];
  return Array.isArray(list) ? (list as readonly JsonValue[]) : [];
}

function throwAsMatrixError(error: unknown): never {
  throw error instanceof FederationError ? errorForClient(error) : error;
}
