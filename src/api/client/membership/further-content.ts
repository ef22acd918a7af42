import type { JsonObject } from '../../../protocol/json.ts';

/** Keys of a join's body that are no content, and keys of a membership event that only the server sets. */
const RESERVED = [
  'avatar_url',
  'displayname',
  'is_direct',
  'join_authorised_via_users_server',
  'membership',
  'reason',
  'server_name',
  'third_party_invite',
  'third_party_signed',
  'via',
];

/** What a client adds to its membership event: keys of the body that the specification gives no meaning. */
export function furtherContent(body: object): JsonObject {
  return Object.fromEntries(Object.entries(body as JsonObject).filter(([key]) => !RESERVED.includes(key)));
}
