import { parseUserId, type UserId } from '../protocol/identifiers.ts';
import type { JsonObject } from '../protocol/json.ts';
import { badJson, MatrixError } from '../protocol/matrix-error.ts';

/**
 * The user of a login identifier (Client-Server API, "Identifier types"). Undefined for addresses and phone numbers, of
 * which none is bound to an account here.
 *
 * @throws MatrixError 400 for an identifier that is not well formed or of an unknown type.
 */
export function userOfIdentifier(identifier: JsonObject, serverName: string): UserId | undefined {
  switch (identifier.type) {
    case 'm.id.user':
      if (typeof identifier.user !== 'string') throw badJson('"identifier" must have "user"');
      return userNamed(identifier.user, serverName);
    case 'm.id.thirdparty':
      if (typeof identifier.medium !== 'string' || typeof identifier.address !== 'string') {
        throw badJson('"identifier" must have "medium" and "address"');
      }
      return undefined;
    case 'm.id.phone':
      if (
        typeof identifier.country !== 'string' ||
        typeof (identifier.phone ?? identifier.number) !== 'string'
      ) {
        throw badJson('"identifier" must have "country" and "phone"');
      }
      return undefined;
    default:
      throw new MatrixError(
        400,
        'M_UNKNOWN',
        '"identifier" must be of type m.id.user, m.id.thirdparty or m.id.phone',
      );
  }
}

function userNamed(name: string, serverName: string): UserId | undefined {
  return parseUserId(name.startsWith('@') ? name : `@${name.toLowerCase()}:${serverName}`);
}
