import type { Pdu } from '../protocol/events/event.ts';
import type { RoomId, ServerName } from '../protocol/identifiers.ts';
import { MatrixError } from '../protocol/matrix-error.ts';
import {
  hasPolicySignature,
  needsPolicySignature,
  parseRoomPolicy,
  withPolicySignature,
  type RoomPolicy,
} from '../protocol/room-policy.ts';
import type { RoomVersion } from '../protocol/room-versions.ts';
import type { EventLog } from '../rooms/events/event-log.ts';
import type { ReceivedEvent } from '../rooms/appending/event-receipt.ts';
import type { PolicySigner } from '../rooms/appending/policy-signing.ts';
import type { Database } from '../storage/database.ts';
import * as roomServersStore from '../storage/federation/room-servers-store.ts';
import type { FederationClient } from './federation-client.ts';
import { FederationError } from './federation-error.ts';
import { StateContent } from './state-content.ts';

/** For no longer does anything wait for a policy server. */
const TIMEOUT_MS = 10_000;
const MAX_BYTES = 65_536;

/** Asks the policy servers of rooms to sign events (Server-Server API, "Asking for a Policy Server signature on an event"). */
export class PolicyServers implements PolicySigner {
  readonly #database: Database;
  readonly #policies: StateContent;
  readonly #client: FederationClient;

  constructor(needs: { database: Database; log: EventLog; client: FederationClient }) {
    this.#database = needs.database;
    this.#policies = new StateContent('m.room.policy', needs.log, needs.database);
    this.#client = needs.client;
  }

  async sign(pdu: Pdu, policy: RoomPolicy): Promise<Pdu> {
    const { via } = policy;
    if (via === this.#client.serverName) {
      const message = 'This server is to be the policy server of the room, which it cannot be';
      throw new MatrixError(403, 'M_FORBIDDEN', message);
    }
    const request = {
      method: 'POST',
      path: '/_matrix/policy/v1/sign',
      body: pdu,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
    } as const;
    try {
      return withPolicySignature(pdu, await this.#client.request(via, request), policy);
    } catch (error) {
      throw error instanceof FederationError ? error.toMatrixError() : error;
    }
  }

  /**
   * Events of other servers with the signature of the room's policy server that they lack, where it gives one. Those that
   * it refuses, or answers with anything else, stay as they are: `receiveEvent` soft-fails them.
   */
  async complete(
    room: { readonly roomId: RoomId; readonly version: RoomVersion },
    events: readonly ReceivedEvent[],
  ): Promise<readonly ReceivedEvent[]> {
    const { roomId, version } = room;
    const policy = parseRoomPolicy(await this.#policies.of(roomId));
    if (!policy || !(await this.#isIn(policy.via, roomId))) return events;
    const complete = async (event: ReceivedEvent): Promise<ReceivedEvent> => {
      const { pdu } = event;
      if (!needsPolicySignature(pdu) || hasPolicySignature(pdu, version, policy)) return event;
      try {
        const signed = await this.sign(pdu, policy);
        return hasPolicySignature(signed, version, policy) ? { eventId: event.eventId, pdu: signed } : event;
      } catch (error) {
        if (error instanceof MatrixError) return event;
        throw error;
      }
    };
    return Promise.all(events.map(complete));
  }

  #isIn(server: ServerName, roomId: RoomId): Promise<boolean> {
    return server === this.#client.serverName
      ? Promise.resolve(true)
      : roomServersStore.isIn(this.#database, server, roomId);
  }
}
