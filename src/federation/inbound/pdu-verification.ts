import { toRoomEvent } from '../../protocol/events/event-format.ts';
import { eventIdOf } from '../../protocol/events/event-id.ts';
import type { Pdu } from '../../protocol/events/event.ts';
import { readReceivedPdu } from '../../protocol/events/received-pdu.ts';
import { redact } from '../../protocol/events/redaction.ts';
import {
  parseServerName,
  serverNameOf,
  type EventId,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';
import { isJsonObject } from '../../protocol/json.ts';
import { badJson, forbidden, MatrixError } from '../../protocol/matrix-error.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import type { ReceivedEvent } from '../../rooms/appending/event-receipt.ts';

/** Checks signatures of servers; the key ring does. */
export interface SignatureChecker {
  /**
   * @param known.signedText what is signed of the event, where that is known.
   * @param known.sentBy the server for whose sake it is checked: only so many others are asked for keys at once for that.
   */
  verifyPdu(
    pdu: Pdu,
    version: RoomVersion,
    server: ServerName,
    known?: { readonly signedText?: string | undefined; readonly sentBy?: ServerName | undefined },
  ): Promise<boolean>;
}

/**
 * Checks what can be checked of an event without its room: form, size, room, signatures and content hash (Server-Server
 * API, "Checks performed on receipt of a PDU", steps 1 to 3). An event whose hash does not match is given redacted.
 *
 * @param sentBy the server that sent the event, or what made it be asked for, unasked.
 * @throws MatrixError 400 M_BAD_JSON or 413 M_TOO_LARGE for a malformed event, 403 for one that is not signed as it must.
 */
export async function verifiedEvent(
  value: unknown,
  version: RoomVersion,
  roomId: RoomId,
  signatures: SignatureChecker,
  sentBy?: ServerName,
): Promise<ReceivedEvent> {
  const { pdu, eventId, signedText, hashMatches, members } = readReceivedPdu(value, version);
  if (toRoomEvent(pdu, eventId, version).roomId !== roomId) throw badJson('The event is of another room');
  // What is taken of the event may ask for other signatures than what came: redaction removes from it what exempts it.
  const taken = hashMatches ? pdu : redact(pdu, version);
  const signers = signersOf(pdu, eventId, version);
  if (!hashMatches) for (const server of signersOf(taken, eventId, version)) signers.add(server);
  for (const server of signers) {
    if (await signatures.verifyPdu(pdu, version, server, { signedText, sentBy })) continue;
    throw forbidden(`The event is not signed by ${server} with a key that can be found and was valid`);
  }
  return hashMatches ? { pdu, eventId, members } : { pdu: taken, eventId };
}

/** The ID of an event of which nothing is known yet; undefined when it has none. */
export function eventIdOrUndefined(value: unknown, version: RoomVersion): EventId | undefined {
  if (!isJsonObject(value)) return undefined;
  try {
    return eventIdOf({ content: {}, ...value } as unknown as Pdu, version);
  } catch (error) {
    if (error instanceof MatrixError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** The servers that must have signed an event ("Validating hashes and signatures on received events"). */
function signersOf(pdu: Pdu, eventId: EventId, version: RoomVersion): Set<ServerName> {
  const signers = new Set<ServerName>();
  const isMember = pdu.type === 'm.room.member';
  const { membership, third_party_invite: invite, join_authorised_via_users_server: via } = pdu.content;
  const isThirdPartyInvite = isMember && membership === 'invite' && invite !== undefined;
  if (!isThirdPartyInvite) signers.add(serverNameOf(pdu.sender as UserId));
  const ofId = version.eventIdFormat === 'server-chosen' ? serverNameOf(eventId) : undefined;
  if (ofId !== undefined) signers.add(ofId);
  if (isMember && membership === 'join' && version.restricted && via !== undefined) {
    const server = typeof via === 'string' ? parseServerName(via.slice(via.indexOf(':') + 1)) : undefined;
    if (server === undefined) throw badJson('"join_authorised_via_users_server" must be a user ID');
    signers.add(server);
  }
  return signers;
}
