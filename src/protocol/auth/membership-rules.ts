import type { RoomEvent } from '../events/event.ts';
import type { UserId } from '../identifiers.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import type { RoomVersion } from '../room-versions.ts';
import {
  ALLOWED,
  allowIf,
  refuse,
  type AuthResult,
  type AuthState,
  type VerifySigned,
} from './auth-result.ts';
import type { PowerLevels } from './power-levels.ts';

/** What the rules about m.room.member look at. */
interface MemberCheck {
  readonly version: RoomVersion;
  readonly event: RoomEvent;
  readonly target: UserId;
  readonly create: RoomEvent;
  readonly levels: PowerLevels;
  readonly state: AuthState;
  readonly verifySigned: VerifySigned;
}

/** The auth rules about m.room.member, but for the signature of the server that vouches for a restricted join. */
export function checkMembership(
  version: RoomVersion,
  event: RoomEvent,
  rest: { create: RoomEvent; levels: PowerLevels; state: AuthState; verifySigned: VerifySigned },
): AuthResult {
  if (event.stateKey === undefined) return refuse('A membership event needs a state key');
  const check: MemberCheck = { version, event, target: event.stateKey as UserId, ...rest };
  switch (event.content.membership) {
    case 'join':
      return checkJoin(check);
    case 'invite':
      return checkInvite(check);
    case 'leave':
      return checkLeave(check);
    case 'ban':
      return checkBan(check);
    case 'knock':
      if (version.knock) return checkKnock(check);
      return refuse(`Room version ${version.id} knows no knocking`);
    default:
      return refuse('"membership" must be one of join, invite, leave, ban and, from version 7 on, knock');
  }
}

/** The membership of a user in a state; `leave` for one who never was in the room. */
export function membershipIn(state: AuthState, userId: UserId): string {
  const membership = state('m.room.member', userId)?.content.membership;
  return typeof membership === 'string' ? membership : 'leave';
}

function checkJoin(check: MemberCheck): AuthResult {
  const { version, event, target, create, levels, state } = check;
  const isFirst = event.prevEventIds.length === 1 && event.prevEventIds[0] === create.eventId;
  const creator = version.updatedRedaction ? create.sender : create.content.creator;
  if (isFirst && target === creator) return ALLOWED;
  if (event.sender !== target) return refuse('Nobody can join for another');
  const membership = membershipIn(state, target);
  if (membership === 'ban') return refuse('You are banned from this room');
  const rule = joinRule(state);
  const isIn = membership === 'invite' || membership === 'join';
  if (rule === 'public') return ALLOWED;
  if (rule === 'invite' || (version.knock && rule === 'knock'))
    return allowIf(isIn, 'You are not invited to this room');
  const restricted =
    (version.restricted && rule === 'restricted') || (version.knockRestricted && rule === 'knock_restricted');
  if (!restricted) return refuse('The join rule of this room lets nobody in');
  if (isIn) return ALLOWED;
  const via = event.content.join_authorised_via_users_server;
  const vouches =
    typeof via === 'string' &&
    membershipIn(state, via as UserId) === 'join' &&
    levels.userLevel(via as UserId) >= levels.invite;
  return allowIf(vouches, 'Joining this room takes an invite, or a member who may invite to vouch for you');
}

function checkInvite(check: MemberCheck): AuthResult {
  const { event, target, levels, state } = check;
  if (event.content.third_party_invite !== undefined) return checkThirdPartyInvite(check);
  if (membershipIn(state, event.sender) !== 'join') return refuse('Only who is in the room may invite');
  const membership = membershipIn(state, target);
  if (membership === 'join') return refuse(`${target} is in the room already`);
  if (membership === 'ban') return refuse(`${target} is banned from this room`);
  return allowIf(
    levels.userLevel(event.sender) >= levels.invite,
    'Your power level does not allow you to invite',
  );
}

function checkThirdPartyInvite(check: MemberCheck): AuthResult {
  const { event, target, state, verifySigned } = check;
  if (membershipIn(state, target) === 'ban') return refuse(`${target} is banned from this room`);
  const invite = event.content.third_party_invite;
  const signed = isJsonObject(invite) ? invite.signed : undefined;
  if (!isJsonObject(signed)) return refuse('A third-party invite must have "signed"');
  const { mxid, token } = signed;
  if (typeof mxid !== 'string' || typeof token !== 'string')
    return refuse('"signed" must have "mxid" and "token"');
  if (mxid !== target) return refuse('"mxid" of the third-party invite is not who is invited');
  const offer = state('m.room.third_party_invite', token);
  if (!offer) return refuse('The room has no third-party invite with this token');
  if (offer.sender !== event.sender) return refuse('The third-party invite is from somebody else');
  return allowIf(
    verifySigned(signed, publicKeysOf(offer.content)),
    'The third-party invite is not signed by a key of the room',
  );
}

function publicKeysOf(content: JsonObject): string[] {
  const listed = Array.isArray(content.public_keys) ? content.public_keys : [];
  const keys = [content.public_key, ...listed.map((one) => (isJsonObject(one) ? one.public_key : undefined))];
  return [...new Set(keys.filter((key) => typeof key === 'string'))];
}

function checkLeave(check: MemberCheck): AuthResult {
  const { version, event, target, levels, state } = check;
  const membership = membershipIn(state, target);
  if (event.sender === target) {
    const mayLeave =
      membership === 'join' || membership === 'invite' || (version.knock && membership === 'knock');
    return allowIf(mayLeave, 'You are not in this room');
  }
  if (membershipIn(state, event.sender) !== 'join')
    return refuse('Only who is in the room may remove others');
  const level = levels.userLevel(event.sender);
  if (membership === 'ban' && level < levels.ban) {
    return refuse('Your power level does not allow you to lift a ban');
  }
  const mayKick = level >= levels.kick && levels.userLevel(target) < level;
  return allowIf(mayKick, `Your power level does not allow you to remove ${target}`);
}

function checkBan(check: MemberCheck): AuthResult {
  const { event, target, levels, state } = check;
  if (membershipIn(state, event.sender) !== 'join') return refuse('Only who is in the room may ban');
  const level = levels.userLevel(event.sender);
  const mayBan = level >= levels.ban && levels.userLevel(target) < level;
  return allowIf(mayBan, `Your power level does not allow you to ban ${target}`);
}

function checkKnock(check: MemberCheck): AuthResult {
  const { version, event, target, state } = check;
  const rule = joinRule(state);
  const mayKnock = rule === 'knock' || (version.knockRestricted && rule === 'knock_restricted');
  if (!mayKnock) return refuse('The join rule of this room does not let people knock');
  if (event.sender !== target) return refuse('Nobody can knock for another');
  const membership = membershipIn(state, target);
  const isOutside = membership !== 'ban' && membership !== 'invite' && membership !== 'join';
  return allowIf(isOutside, 'You are banned from this room, invited to it or in it: knocking makes no sense');
}

function joinRule(state: AuthState): string {
  const rule = state('m.room.join_rules', '')?.content.join_rule;
  return typeof rule === 'string' ? rule : 'invite';
}
