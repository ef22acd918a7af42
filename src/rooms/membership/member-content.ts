import type { UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';

/** The parts of a profile that membership events repeat. */
export interface MemberProfile {
  readonly displayname?: string;
  readonly avatar_url?: string;
}

/** Looks up the profile of a local user. */
export type ProfileOf = (userId: UserId) => Promise<MemberProfile>;

/** What an m.room.member event may say besides. */
export interface MemberDetails {
  readonly reason?: string | undefined;
  readonly isDirect?: boolean | undefined;
  readonly authorisedVia?: UserId;
}

/** Content of an m.room.member event. */
export function memberContent(
  membership: string,
  profile: MemberProfile,
  more: MemberDetails = {},
): JsonObject {
  const content: JsonObject = { membership };
  if (profile.displayname !== undefined) content.displayname = profile.displayname;
  if (profile.avatar_url !== undefined) content.avatar_url = profile.avatar_url;
  if (more.reason !== undefined) content.reason = more.reason;
  if (more.isDirect === true) content.is_direct = true;
  if (more.authorisedVia !== undefined) content.join_authorised_via_users_server = more.authorisedVia;
  return content;
}
