import type { RoomEvent } from '../events/event.ts';
import { parseUserId, serverNameOf } from '../identifiers.ts';
import type { JsonObject } from '../json.ts';
import { isJsonObject } from '../json.ts';
import { MatrixError } from '../matrix-error.ts';
import { ROOM_VERSIONS, type RoomVersion } from '../room-versions.ts';
import { signedText, VerifyKey } from '../signing.ts';
import {
  ALLOWED,
  allowIf,
  refuse,
  refuseForm,
  type AuthResult,
  type AuthState,
  type VerifySigned,
} from './auth-result.ts';
import { checkMembership, membershipIn } from './membership-rules.ts';
import { checkPowerLevels } from './power-level-rules.ts';
import { PowerLevels } from './power-levels.ts';

/** Keys of a third-party invite, and signatures on one, that are tried: every server checks them while nothing else is done. */
const MOST_TRIED = 32;

export type { AuthResult, AuthState, VerifySigned } from './auth-result.ts';

/**
 * The authorisation rules of a room version (Room Versions, "Authorization rules"), but for those about the list of auth
 * events (`checkAuthEvents`) and the signature that vouches for a restricted join, which need more than the state.
 *
 * @param state gives the entries that authorise the event: of its auth events or of a room state.
 */
export function checkAuth(
  version: RoomVersion,
  event: RoomEvent,
  state: AuthState,
  verifySigned: VerifySigned = verifyThirdPartySigned,
): AuthResult {
  if (event.type === 'm.room.create') return checkCreate(version, event);
  const create = state('m.room.create', '');
  if (!create) return refuse('The room has no m.room.create event');
  const federate = create.content['m.federate'] !== false;
  if (!federate && serverNameOf(event.sender) !== serverNameOf(create.sender)) {
    return refuse('This room does not federate');
  }
  if (version.specialAliases && event.type === 'm.room.aliases') {
    return allowIf(
      event.stateKey === serverNameOf(event.sender),
      "The state key must be the sender's server",
    );
  }
  const before = state('m.room.power_levels', '');
  const levels = new PowerLevels(version, create, before);
  if (event.type === 'm.room.member') {
    return checkMembership(version, event, { create, levels, state, verifySigned });
  }
  return checkOther(version, event, { state, before, levels });
}

function checkOther(
  version: RoomVersion,
  event: RoomEvent,
  room: { state: AuthState; before: RoomEvent | undefined; levels: PowerLevels },
): AuthResult {
  const { state, before, levels } = room;
  if (membershipIn(state, event.sender) !== 'join') return refuse('You are not joined to this room');
  const own = levels.userLevel(event.sender);
  if (event.type === 'm.room.third_party_invite') {
    return allowIf(own >= levels.invite, 'Your power level does not allow you to invite');
  }
  const required = levels.requiredFor(event.type, event.stateKey !== undefined);
  if (required > own) return refuse(`Sending ${event.type} takes power level ${required}; yours is ${own}`);
  if (event.stateKey?.startsWith('@') === true && event.stateKey !== event.sender) {
    return refuse('A state key that begins with "@" must be your own user ID');
  }
  if (event.type === 'm.room.power_levels') return checkPowerLevels(version, event, before, levels);
  if (version.redactionInAuthRules && event.type === 'm.room.redaction') {
    const ofSameServer =
      event.redacts !== undefined && serverNameOf(event.redacts) === serverNameOf(event.eventId);
    return allowIf(
      own >= levels.redact || ofSameServer,
      'Your power level does not allow you to redact this event',
    );
  }
  return ALLOWED;
}

function checkCreate(version: RoomVersion, event: RoomEvent): AuthResult {
  if (event.prevEventIds.length > 0) return refuseForm('m.room.create must be the first event of a room');
  if (event.stateKey !== '') return refuse('m.room.create must have an empty state key');
  const { room_version: named, creator, additional_creators: additional } = event.content;
  if (named !== undefined && !(typeof named === 'string' && ROOM_VERSIONS.has(named))) {
    return refuse('"room_version" names an unknown version');
  }
  if (version.roomIdIsCreateHash) {
    const valid =
      additional === undefined ||
      (Array.isArray(additional) && additional.every((one) => typeof one === 'string' && parseUserId(one)));
    return allowIf(valid, '"additional_creators" must be a list of user IDs');
  }
  if (serverNameOf(event.roomId) !== serverNameOf(event.sender)) {
    return refuse("The room ID must be of the sender's server");
  }
  return allowIf(version.updatedRedaction || creator !== undefined, 'm.room.create must name a "creator"');
}

/**
 * The rules about an event's list of auth events.
 *
 * @param authEvents the events that it names; for version 12 on without m.room.create.
 * @param selected whether the selection algorithm asks for an entry (`authTypesFor`).
 * @param rejected whether an event was itself rejected.
 */
export function checkAuthEvents(
  version: RoomVersion,
  event: RoomEvent,
  authEvents: readonly RoomEvent[],
  selected: ReadonlySet<string>,
  rejected: (event: RoomEvent) => boolean,
): AuthResult {
  const seen = new Set<string>();
  for (const one of authEvents) {
    const key = `${one.type}\0${one.stateKey ?? ''}`;
    if (one.stateKey === undefined || seen.has(key))
      return refuse('Its auth events name a state twice, or no state');
    seen.add(key);
    if (!selected.has(key)) return refuse(`Its auth events name ${one.type}, which does not authorise it`);
    if (rejected(one)) return refuse('One of its auth events was rejected');
    if (one.roomId !== event.roomId) return refuse('One of its auth events is of another room');
  }
  const needsCreate = !version.roomIdIsCreateHash && event.type !== 'm.room.create';
  return allowIf(!needsCreate || seen.has('m.room.create\0'), 'Its auth events do not name m.room.create');
}

/** Whether any Ed25519 signature of the object is by one of these keys. Of keys and signatures the first 32 are looked at. */
function verifyThirdPartySigned(signed: JsonObject, publicKeys: readonly string[]): boolean {
  const signatures = ed25519SignaturesOf(signed).slice(0, MOST_TRIED);
  const keys = publicKeys.slice(0, MOST_TRIED).flatMap((publicKey) => keyOf(publicKey) ?? []);
  if (signatures.length === 0 || keys.length === 0) return false;
  const text = signedTextOrUndefined(signed);
  if (text === undefined) return false;
  return keys.some((key) => signatures.some((signature) => key.verify(text, signature)));
}

function ed25519SignaturesOf({ signatures }: JsonObject): string[] {
  const bySigner = isJsonObject(signatures) ? Object.values(signatures).filter(isJsonObject) : [];
  const all = bySigner.flatMap((keys) => Object.entries(keys));
  return all.flatMap(([id, one]) => (id.startsWith('ed25519:') && typeof one === 'string' ? [one] : []));
}

function signedTextOrUndefined(signed: JsonObject): string | undefined {
  try {
    return signedText(signed);
  } catch (error) {
    if (error instanceof MatrixError) return undefined;
    throw error;
  }
}

function keyOf(publicKey: string): VerifyKey | undefined {
  try {
    return VerifyKey.of(publicKey);
  } catch {
    return undefined;
  }
}
