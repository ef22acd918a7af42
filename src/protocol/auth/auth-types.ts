import type { JsonObject } from '../json.ts';
import { isJsonObject } from '../json.ts';
import type { RoomVersion } from '../room-versions.ts';

/** What of an event decides which state authorises it. */
export interface AuthSubject {
  readonly type: string;
  readonly stateKey: string | undefined;
  readonly sender: string;
  readonly content: JsonObject;
}

/** The state that authorises an event, as pairs of type and state key (Server-Server API, "Auth events selection"). */
export function authTypesFor(version: RoomVersion, event: AuthSubject): (readonly [string, string])[] {
  if (event.type === 'm.room.create') return [];
  const types: [string, string][] = [
    ['m.room.power_levels', ''],
    ['m.room.member', event.sender],
  ];
  if (!version.roomIdIsCreateHash) types.push(['m.room.create', '']);
  if (event.type === 'm.room.member' && event.stateKey !== undefined) {
    addMemberTypes(version, event, event.stateKey, types);
  }
  return types;
}

function addMemberTypes(
  version: RoomVersion,
  event: AuthSubject,
  target: string,
  types: [string, string][],
): void {
  const { membership } = event.content;
  if (target !== event.sender) types.push(['m.room.member', target]);
  if (membership === 'join' || membership === 'invite' || (version.knock && membership === 'knock')) {
    types.push(['m.room.join_rules', '']);
  }
  const invite = event.content.third_party_invite;
  if (membership === 'invite' && isJsonObject(invite) && isJsonObject(invite.signed)) {
    const { token } = invite.signed;
    if (typeof token === 'string') types.push(['m.room.third_party_invite', token]);
  }
  const via = event.content.join_authorised_via_users_server;
  if (version.restricted && membership === 'join' && typeof via === 'string' && via !== event.sender) {
    if (via !== target) types.push(['m.room.member', via]);
  }
}
