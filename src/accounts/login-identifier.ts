import { parseUserId, type UserId } from '../protocol/identifiers.ts';
import type { JsonObject } from '../protocol/json.ts';
import { badJson, MatrixError } from '../protocol/matrix-error.ts';
import { phoneThreepid, threepidOf, type Threepid } from './threepids/threepid-addresses.ts';

/**
 * The user of a login identifier that names one (Client-Server API, "Identifier types"). Undefined for addresses and
 * phone numbers: see `threepidOfIdentifier`.
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

/**
 * The address or phone number of a login identifier, in the form in which it is kept. Undefined for one that has none, and
 * for what is no address or number: nobody can have it.
 */
export async function threepidOfIdentifier(identifier: JsonObject): Promise<Threepid | undefined> {
  try {
    return await readThreepid(identifier);
  } catch (error) {
    if (error instanceof MatrixError) return undefined;
    throw error;
  }
}

async function readThreepid(identifier: JsonObject): Promise<Threepid | undefined> {
  const { type, medium, address, country } = identifier;
  if (type === 'm.id.thirdparty' && typeof medium === 'string' && typeof address === 'string') {
    return threepidOf(medium, address);
  }
  const phone = identifier.phone ?? identifier.number;
  if (type === 'm.id.phone' && typeof country === 'string' && typeof phone === 'string') {
    return phoneThreepid(country, phone);
  }
  return undefined;
}

function userNamed(name: string, serverName: string): UserId | undefined {
  return parseUserId(name.startsWith('@') ? name : `@${name.toLowerCase()}:${serverName}`);
}
