import { Type } from 'typebox';
import type { PublicKeys, StoredInvites } from '../../modules/identity-service/index.ts';
import { bothVersions } from './both-versions.ts';

const Asked = Type.Object({ public_key: Type.String() });

/** GET /_matrix/identity/v2/pubkey/{keyId} */
export const getPubKey = bothVersions(
  {
    id: 'getPubKeyV2',
    spec: 'identity-service-api/#get_matrixidentityv2pubkeykeyid',
    method: 'GET',
    path: '/pubkey/:keyId',
    auth: 'none',
    limit: 'identity',
    params: Type.Object({ keyId: Type.String() }),
  },
  ({ publicKeys }: { publicKeys: PublicKeys }, { params }) => ({ public_key: publicKeys.byId(params.keyId) }),
);

/** GET /_matrix/identity/v2/pubkey/isvalid, which homeservers ask whenever somebody takes up an invitation. */
export const isPubKeyValid = bothVersions(
  {
    id: 'isPubKeyValidV2',
    spec: 'identity-service-api/#get_matrixidentityv2pubkeyisvalid',
    method: 'GET',
    path: '/pubkey/isvalid',
    auth: 'none',
    query: Asked,
  },
  ({ publicKeys }: { publicKeys: PublicKeys }, { query }) => ({
    valid: publicKeys.isLongTerm(written(query.public_key)),
  }),
);

/** GET /_matrix/identity/v2/pubkey/ephemeral/isvalid */
export const isEphemeralPubKeyValid = bothVersions(
  {
    id: 'isEphemeralPubKeyValidV2',
    spec: 'identity-service-api/#get_matrixidentityv2pubkeyephemeralisvalid',
    method: 'GET',
    path: '/pubkey/ephemeral/isvalid',
    auth: 'none',
    query: Asked,
  },
  async ({ storedInvites }: { storedInvites: StoredInvites }, { query }) => ({
    valid: await storedInvites.hasKey(written(query.public_key)),
  }),
);

/** A key as it was given out: who put it into a query without encoding it has spaces for its plus signs. */
function written(publicKey: string): string {
  return publicKey.replaceAll(' ', '+');
}
