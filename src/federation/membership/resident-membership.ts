import { ownMembershipIn } from './membership-form.ts';
import type { Pdu } from '../../protocol/events/event.ts';
import {
  serverNameOf,
  type EventId,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';
import type { JsonValue } from '../../protocol/json.ts';
import { forbidden, invalidParam, MatrixError, notFound } from '../../protocol/matrix-error.ts';
import { roomVersion, type RoomVersion } from '../../protocol/room-versions.ts';
import { EventsMissing } from '../../rooms/appending/event-judgement.ts';
import { receiveEvent, type ReceivedEvent } from '../../rooms/appending/event-receipt.ts';
import type { EventLog } from '../../rooms/events/event-log.ts';
import type { EventSigner } from '../../rooms/appending/event-signer.ts';
import { sentPdu } from '../../rooms/events/pdu-of-event.ts';
import { strippedFor } from '../../rooms/membership/remote-invites.ts';
import type { PartialRooms } from '../../rooms/state/partial-rooms.ts';
import type { RestrictedJoins } from '../../rooms/membership/restricted-joins.ts';
import type { RoomTransaction } from '../../rooms/appending/room-transaction.ts';
import type { RoomWriter } from '../../rooms/appending/room-writer.ts';
import type { StateTries } from '../../rooms/state/state-trie.ts';
import type { StoredEvent } from '../../rooms/events/stored-event.ts';
import type { Database } from '../../storage/database.ts';
import * as roomServersStore from '../../storage/federation/room-servers-store.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import { authChainOf } from '../answering/event-graph.ts';
import { ServerTurns } from '../answering/server-turns.ts';
import { verifiedEvent, type SignatureChecker } from '../inbound/pdu-verification.ts';
import type { PolicyServers } from '../policy-servers.ts';
import { stateForJoin } from './state-for-join.ts';
import type { Handshake } from './membership-requests.ts';

/** A membership event to complete, for another server. */
export interface Template {
  readonly event: Pdu;
  readonly roomVersion: string;
}

/** A membership event as another server sent it. */
interface SentMembership {
  readonly roomId: RoomId;
  readonly eventId: EventId;
  readonly event: JsonValue;
}

/** What a server gets that joined a room. */
export interface JoinAnswer {
  readonly event: Pdu;
  readonly state: readonly Pdu[];
  readonly authChain: readonly Pdu[];
  /** The servers in the room, where members were left out. */
  readonly servers: readonly ServerName[] | undefined;
}

/** Joins of users of one server that are answered at once, and that may wait. */
const JOINS = { atOnce: 4, waiting: 100 } as const;
const MEMBERSHIPS: Readonly<Record<Handshake, string>> = { join: 'join', knock: 'knock', leave: 'leave' };

/**
 * The memberships in which a step that comes again is answered again, since its answer may have been lost. Whoever came in once
 * and is out is not told what the room is now.
 */
const ANSWERED_AGAIN: Readonly<Record<Handshake, readonly string[]>> = {
  join: ['join'],
  knock: ['knock', 'invite', 'join'],
  leave: ['leave', 'ban', 'invite', 'knock', 'join'],
};
const NO_MORE = 'The room does not allow this any more';

/** Lets users of other servers into rooms of this one, lets them knock, and lets them go (the resident server's side). */
export class ResidentMembership {
  readonly #database: Database;
  readonly #writer: RoomWriter;
  readonly #signer: EventSigner;
  readonly #log: EventLog;
  readonly #tries: StateTries;
  readonly #restricted: RestrictedJoins;
  readonly #policies: PolicyServers;
  readonly #signatures: SignatureChecker;
  readonly #partial: PartialRooms;
  readonly #joins = new ServerTurns(JOINS);

  constructor(needs: {
    database: Database;
    writer: RoomWriter;
    signer: EventSigner;
    log: EventLog;
    tries: StateTries;
    restricted: RestrictedJoins;
    policies: PolicyServers;
    signatures: SignatureChecker;
    partial: PartialRooms;
  }) {
    this.#database = needs.database;
    this.#writer = needs.writer;
    this.#signer = needs.signer;
    this.#log = needs.log;
    this.#tries = needs.tries;
    this.#restricted = needs.restricted;
    this.#policies = needs.policies;
    this.#signatures = needs.signatures;
    this.#partial = needs.partial;
  }

  /**
   * An event for another server to complete, which the room would allow now.
   *
   * @param versions the room versions that the other server knows; undefined where that is of no matter.
   * @throws MatrixError 404 for a room that is not here, 400 M_INCOMPATIBLE_ROOM_VERSION, 403 where the room forbids it.
   */
  async template(
    server: ServerName,
    step: Handshake,
    member: { roomId: RoomId; userId: UserId },
    versions: readonly string[] | undefined,
  ): Promise<Template> {
    const { roomId, userId } = member;
    if (serverNameOf(userId) !== server) throw forbidden(`${userId} is not a user of ${server}`);
    const version = await this.#versionHere(roomId);
    if (versions && !versions.includes(version.id)) throw incompatible(version);
    return this.#writer.append(roomId, async (room) => {
      const content: Pdu['content'] = { membership: MEMBERSHIPS[step] };
      if (step === 'join') {
        const via = await this.#vouching(room, userId);
        if (via !== undefined) content.join_authorised_via_users_server = via;
      }
      const draft = { type: 'm.room.member', stateKey: userId, sender: userId, content };
      return { event: await room.template(draft), roomVersion: version.id };
    });
  }

  /**
   * Takes a join into the room and gives the state before it.
   *
   * @param omitMembers leaves out members that the state's events do not need.
   * @throws MatrixError 400 for what is no join of a user of that server, 403 where the room forbids it, 429 where the server
   *   sent too many at once: each is answered with a whole state.
   */
  async join(server: ServerName, sent: SentMembership, omitMembers: boolean): Promise<JoinAnswer> {
    return this.#joins.run(server, () => this.#join(server, sent, omitMembers));
  }

  async #join(server: ServerName, sent: SentMembership, omitMembers: boolean): Promise<JoinAnswer> {
    const { room, stored } = await this.#take(server, 'join', sent);
    const needs = { reader: this.#database, log: this.#log, tries: this.#tries };
    const { state, omits } = await stateForJoin(needs, sent.roomId, stored, omitMembers);
    const inState = new Set(state.map((event) => event.eventId));
    const chain = await authChainOf(this.#log, room, [...state, stored]);
    const toPdu = (event: StoredEvent) => sentPdu(event, room);
    return {
      event: toPdu(stored),
      state: state.map(toPdu),
      authChain: chain.filter((event) => !omitMembers || !inState.has(event.eventId)).map(toPdu),
      servers: omits ? await this.#serversBefore(sent.roomId, server) : undefined,
    };
  }

  /** Takes a leave into the room. Errors as `join`. */
  async leave(server: ServerName, sent: SentMembership): Promise<void> {
    await this.#take(server, 'leave', sent);
  }

  /** Takes a knock into the room and gives what the one who knocks may be shown of it. Errors as `join`. */
  async knock(server: ServerName, sent: SentMembership): Promise<Pdu[]> {
    await this.#take(server, 'knock', sent);
    return this.#writer.append(sent.roomId, (room) => strippedFor(room, undefined));
  }

  async #take(
    server: ServerName,
    step: Handshake,
    { roomId, eventId, event }: SentMembership,
  ): Promise<{ room: RoomVersion; stored: StoredEvent }> {
    const version = await this.#versionHere(roomId);
    const form = ownMembershipIn(event, MEMBERSHIPS[step], roomId);
    if (!form || serverNameOf(form.userId) !== server) {
      throw invalidParam(`This must be the ${step} event of a user of ${server} in this room`);
    }
    const pdu = this.#countersigned(event as Pdu, form.via, version);
    const verified = await this.#verified(pdu, version, roomId);
    if (verified.eventId !== eventId) throw invalidParam('The path names another event than the body has');
    const [received = verified] = await this.#policies.complete({ roomId, version }, [verified]);
    await this.#writer.append(roomId, async (room, unit) => {
      if (form.via !== undefined) await this.#assertMayVouch(room, form.userId);
      const verdict = await receiveEvent(room, unit, received).catch(asMatrixError);
      if (verdict.outcome === 'rejected') throw forbidden(verdict.reason);
      if (verdict.outcome === 'soft-failed') throw forbidden(NO_MORE);
      const isRepeated =
        verdict.outcome === 'known' && !ANSWERED_AGAIN[step].includes(await room.membership(form.userId));
      if (isRepeated) throw forbidden(NO_MORE);
      const added = room.events.at(-1);
      if (added) room.outgoing.add(added);
    });
    const stored = await this.#log.byId(eventId);
    if (!stored || stored.isAside) throw forbidden('The room does not allow this');
    return { room: version, stored };
  }

  /** @throws MatrixError as `verifiedEvent`, but 400 M_INVALID_PARAM for an event that is not signed as it must be. */
  async #verified(pdu: Pdu, version: RoomVersion, roomId: RoomId): Promise<ReceivedEvent> {
    try {
      return await verifiedEvent(pdu, version, roomId, this.#signatures);
    } catch (error) {
      throw error instanceof MatrixError && error.status === 403 ? invalidParam(error.message) : error;
    }
  }

  /** With the signature by which this server vouches for a restricted join, where the event names a user of it. */
  #countersigned(pdu: Pdu, via: UserId | undefined, version: RoomVersion): Pdu {
    if (via === undefined || serverNameOf(via) !== this.#signer.serverName || !version.restricted) return pdu;
    return this.#signer.countersign(pdu, version);
  }

  async #assertMayVouch(room: RoomTransaction, userId: UserId): Promise<void> {
    const membership = await room.membership(userId);
    if (membership === 'invite' || membership === 'join') return;
    const rules = (await room.stateEvent('m.room.join_rules', ''))?.content;
    if (rules) await this.#restricted.assertMeetsCondition(rules, userId);
  }

  async #vouching(room: RoomTransaction, userId: UserId): Promise<UserId | undefined> {
    const membership = await room.membership(userId);
    if (membership === 'invite' || membership === 'join' || membership === 'ban') return undefined;
    return this.#restricted.authorisingUser(room, userId);
  }

  async #versionHere(roomId: RoomId): Promise<RoomVersion> {
    const row = await roomsStore.byId(this.#database, roomId);
    const isWhole = !this.#partial.isPartial(roomId);
    if (!row || row.joined_count <= row.remote_joined || !isWhole) {
      throw notFound('Nobody of this server is in this room');
    }
    return roomVersion(row.room_version);
  }

  /** The servers that were in the room before a user of one joined. */
  async #serversBefore(roomId: RoomId, joining: ServerName): Promise<ServerName[]> {
    const now = [this.#signer.serverName, ...(await roomServersStore.of(this.#database, roomId))];
    const joined = await roomServersStore.joinedOf(this.#database, joining, roomId);
    return joined > 1 ? now : now.filter((server) => server !== joining);
  }
}

/** 400 M_INCOMPATIBLE_ROOM_VERSION. */
export function incompatible(version: { readonly id: string }): MatrixError {
  const message = `The room is of version ${version.id}, which your server does not say to know`;
  return new MatrixError(400, 'M_INCOMPATIBLE_ROOM_VERSION', message, { room_version: version.id });
}

function asMatrixError(error: unknown): never {
  if (error instanceof EventsMissing) throw invalidParam(`The event cannot be placed: ${error.message}`);
  throw error;
}
