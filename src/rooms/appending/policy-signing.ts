import type { Pdu } from '../../protocol/events/event.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import {
  hasPolicySignature,
  needsPolicySignature,
  parseRoomPolicy,
  type RoomPolicy,
} from '../../protocol/room-policy.ts';
import * as roomServersStore from '../../storage/federation/room-servers-store.ts';
import type { RoomTransaction } from './room-transaction.ts';

/** Asks policy servers. */
export interface PolicySigner {
  /**
   * The event with the policy server's signature.
   *
   * @throws MatrixError what the policy server says against the event; 502 or 504 when it cannot be asked.
   */
  sign(pdu: Pdu, policy: RoomPolicy): Promise<Pdu>;
}

/** A policy server would have to be asked where nobody can wait for it. */
export class PolicyServerNeeded extends Error {
  constructor() {
    super('The policy server of the room has to be asked first');
    this.name = 'PolicyServerNeeded';
  }
}

/** Where nobody can wait for another server. */
export const NO_TIME_TO_SIGN: PolicySigner = {
  sign: () => Promise.reject(new PolicyServerNeeded()),
};

/** An event of this server with the signature of the room's policy server, if it needs one. Errors as `PolicySigner.sign`. */
export async function approved(room: RoomTransaction, pdu: Pdu): Promise<Pdu> {
  const policy = await policyFor(room, pdu);
  if (!policy) return pdu;
  const { version } = room.head;
  const signed = await room.needs.policy.sign(pdu, policy);
  if (hasPolicySignature(signed, version, policy)) return signed;
  throw new MatrixError(
    403,
    'M_FORBIDDEN',
    `${policy.via}, the policy server of the room, did not sign the event`,
  );
}

/** Whether the room's policy server would have to sign an event and did not (Server-Server API, "Policy Servers"). */
export async function lacksApproval(room: RoomTransaction, pdu: Pdu): Promise<boolean> {
  const policy = await policyFor(room, pdu);
  return policy !== undefined && !hasPolicySignature(pdu, room.head.version, policy);
}

/**
 * The policy that the present state sets for an event. Rooms of this server alone have none: nobody else is in them, and it
 * is no policy server.
 */
async function policyFor(room: RoomTransaction, pdu: Pdu): Promise<RoomPolicy | undefined> {
  const { signer, reader } = room.needs;
  if (room.point.remoteJoined === 0 || !needsPolicySignature(pdu)) return undefined;
  const policy = parseRoomPolicy((await room.stateEvent('m.room.policy', ''))?.content);
  if (!policy || policy.via === signer.serverName) return policy;
  return (await roomServersStore.isIn(reader, policy.via, room.roomId)) ? policy : undefined;
}
