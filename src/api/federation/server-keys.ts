import { Type } from 'typebox';
import type { Notary } from '../../federation/keys/notary.ts';
import type { OwnCertificate } from '../../federation/keys/own-certificate.ts';
import type { OwnKeys } from '../../federation/keys/own-keys.ts';
import { parseServerName, serverName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { invalidParam } from '../../protocol/matrix-error.ts';
import { endpoint } from '../../wire/endpoint.ts';

/** GET /_matrix/key/v2/server */
export const getServerKey = endpoint(
  {
    id: 'getServerKey',
    spec: 'server-server-api/#get_matrixkeyv2server',
    method: 'GET',
    paths: ['/_matrix/key/v2/server'],
    auth: 'none',
  },
  ({ ownKeys }: { ownKeys: OwnKeys }) => ownKeys.answer(),
);

/** What answers of 2015 about keys need of the server. */
interface BoundKeys {
  ownKeys: OwnKeys;
  ownCertificate: OwnCertificate;
}

/**
 * GET /_matrix/key/v2/server/ and /_matrix/key/v2/server/{keyId}, as in 2015: the answer has all keys, and the fingerprint
 * of the certificate.
 */
export const getServerKey2015 = endpoint(
  {
    id: 'getServerKey2015',
    method: 'GET',
    paths: ['/_matrix/key/v2/server/', '/_matrix/key/v2/server/:keyId'],
    auth: 'none',
    params: Type.Object({ keyId: Type.Optional(Type.String()) }),
  },
  async ({ ownKeys, ownCertificate }: BoundKeys) =>
    ownKeys.answerWithFingerprints(await ownCertificate.fingerprints()),
);

/** GET /_matrix/key/v1, the keys as they were published before version 2. */
export const getServerKeyV1 = endpoint(
  {
    id: 'getServerKeyV1',
    method: 'GET',
    paths: ['/_matrix/key/v1', '/_matrix/key/v1/'],
    auth: 'none',
  },
  async ({ ownKeys, ownCertificate }: BoundKeys) => ownKeys.answerOfVersion1(await ownCertificate.base64()),
);

/** GET /_matrix/key/v2/query/{serverName}, and with the key ID that the first specification had. */
export const perspectivesKeyQuery = endpoint(
  {
    id: 'perspectivesKeyQuery',
    spec: 'server-server-api/#get_matrixkeyv2queryservername',
    method: 'GET',
    paths: ['', '/', '/:keyId', '/:keyId/'].map((end) => `/_matrix/key/v2/query/:serverName${end}`),
    auth: 'none',
    params: Type.Object({ serverName: Type.String(), keyId: Type.Optional(Type.String()) }),
    query: Type.Object({ minimum_valid_until_ts: Type.Optional(Type.Integer()) }),
  },
  async ({ notary }: { notary: Notary }, request) => {
    const { serverName: server, keyId } = request.params;
    const { minimum_valid_until_ts: validUntil } = request.query;
    const keyIds = keyId === undefined ? [] : [keyId];
    const answer = await notary.keysOf(serverName(server), { validUntil, keyIds });
    return { server_keys: answer === undefined ? [] : [answer] };
  },
);

/** Servers that one request may ask about: each may mean a request to that server. */
const MOST_SERVERS = 100;

/** POST /_matrix/key/v2/query */
export const bulkPerspectivesKeyQuery = endpoint(
  {
    id: 'bulkPerspectivesKeyQuery',
    spec: 'server-server-api/#post_matrixkeyv2query',
    method: 'POST',
    paths: ['/_matrix/key/v2/query'],
    auth: 'none',
    body: Type.Object({
      server_keys: Type.Record(
        Type.String(),
        Type.Record(Type.String(), Type.Object({ minimum_valid_until_ts: Type.Optional(Type.Integer()) })),
      ),
    }),
  },
  async ({ notary }: { notary: Notary }, request) => {
    const wanted = Object.entries(request.body.server_keys);
    if (wanted.length > MOST_SERVERS) {
      throw invalidParam(`The keys of at most ${MOST_SERVERS} servers can be asked for at once`);
    }
    const answers = await Promise.all(
      wanted.map(async ([name, keys]) => {
        const server = parseServerName(name);
        if (server === undefined) return undefined;
        const times = Object.values(keys).flatMap((one) => one.minimum_valid_until_ts ?? []);
        const validUntil = times.length === 0 ? undefined : Math.max(...times);
        return notary.keysOf(server, { validUntil, keyIds: Object.keys(keys) });
      }),
    );
    return { server_keys: answers.filter((answer): answer is JsonObject => answer !== undefined) };
  },
);
