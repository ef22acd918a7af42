import { Type } from 'typebox';
import { threepidOf } from '../../accounts/threepids/threepid-addresses.ts';
import type { AddressLookup, Associations } from '../../modules/identity-service/index.ts';
import { endpoint } from '../../wire/endpoint.ts';
import { IDENTITY_CODES } from './both-versions.ts';

/** GET /_matrix/identity/v2/hash_details */
export const getHashDetails = endpoint(
  {
    id: 'getHashDetails',
    spec: 'identity-service-api/#get_matrixidentityv2hash_details',
    method: 'GET',
    paths: ['/_matrix/identity/v2/hash_details'],
    auth: 'identity',
    limit: 'identity',
  },
  ({ addressLookup }: { addressLookup: AddressLookup }) => addressLookup.hashDetails(),
);

/** POST /_matrix/identity/v2/lookup */
export const lookupUsers = endpoint(
  {
    id: 'lookupUsersV2',
    spec: 'identity-service-api/#post_matrixidentityv2lookup',
    method: 'POST',
    paths: ['/_matrix/identity/v2/lookup'],
    auth: 'identity',
    limit: 'identity',
    codes: IDENTITY_CODES,
    body: Type.Object({
      algorithm: Type.String(),
      pepper: Type.String(),
      addresses: Type.Array(Type.String()),
    }),
  },
  async ({ addressLookup }: { addressLookup: AddressLookup }, { account, body }) => ({
    mappings: await addressLookup.lookup(account.userId, body),
  }),
);

/** GET /_matrix/identity/api/v1/lookup: the signed association of one identifier, or an empty object. */
export const lookupV1 = endpoint(
  {
    id: 'lookupUserV1',
    method: 'GET',
    paths: ['/_matrix/identity/api/v1/lookup'],
    auth: 'none',
    limit: 'identity',
    codes: IDENTITY_CODES,
    query: Type.Object({ medium: Type.String(), address: Type.String() }),
  },
  async ({ associations }: { associations: Associations }, { query }) =>
    (await associations.signed(threepidOf(query.medium, query.address))) ?? {},
);
