import { Type } from 'typebox';
import { threepidOf } from '../../accounts/threepids/threepid-addresses.ts';
import type { RequestSignatures } from '../../federation/request-signatures.ts';
import type { Associations } from '../../modules/identity-service/index.ts';
import { serverNameOf, userId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { forbidden, MatrixError } from '../../protocol/matrix-error.ts';
import { bothVersions } from './both-versions.ts';

interface Needs {
  readonly associations: Associations;
}

const session = { sid: Type.String(), client_secret: Type.String() };

/** GET /_matrix/identity/v2/3pid/getValidated3pid */
export const getValidated3pid = bothVersions(
  {
    id: 'getValidated3pidV2',
    spec: 'identity-service-api/#get_matrixidentityv23pidgetvalidated3pid',
    method: 'GET',
    path: '/3pid/getValidated3pid',
    auth: 'identity',
    limit: 'identity',
    query: Type.Object(session),
  },
  async ({ associations }: Needs, { query }) => {
    const name = { sid: query.sid, clientSecret: query.client_secret };
    const { threepid, validatedAt } = await associations.validated(name);
    return { ...threepid, validated_at: validatedAt };
  },
);

/** POST /_matrix/identity/v2/3pid/bind. Who has an account can bind to themselves only. */
export const bind = bothVersions(
  {
    id: 'bindV2',
    spec: 'identity-service-api/#post_matrixidentityv23pidbind',
    method: 'POST',
    path: '/3pid/bind',
    auth: 'identity',
    limit: 'identity',
    body: Type.Object({ ...session, mxid: Type.String() }),
  },
  async ({ associations }: Needs, { account, body }) => {
    const mxid = userId(body.mxid);
    if (account && account.userId !== mxid) throw forbidden('"mxid" must be the user whose token this is');
    return associations.bind(mxid, { sid: body.sid, clientSecret: body.client_secret });
  },
);

/**
 * POST /_matrix/identity/v2/3pid/unbind, by who proves to have the identifier, or by the user's homeserver, which signs the
 * request: there is no access token then.
 */
export const unbind = bothVersions(
  {
    id: 'unbindV2',
    spec: 'identity-service-api/#post_matrixidentityv23pidunbind',
    method: 'POST',
    path: '/3pid/unbind',
    auth: 'none',
    limit: 'identity',
    body: Type.Object({
      sid: Type.Optional(Type.String()),
      client_secret: Type.Optional(Type.String()),
      mxid: Type.String(),
      threepid: Type.Object({ medium: Type.String(), address: Type.String() }),
    }),
  },
  async (needs: Needs & { requestSignatures: RequestSignatures }, request) => {
    const { sid, client_secret: clientSecret, mxid: user, threepid: named } = request.body;
    const [mxid, threepid] = [userId(user), threepidOf(named.medium, named.address)];
    if (sid !== undefined && clientSecret !== undefined) {
      await needs.associations.unbindProven(mxid, threepid, { sid, clientSecret });
      return {};
    }
    const origin = await needs.requestSignatures
      .signer({
        ...{ method: 'POST', uri: request.uri, content: request.body as JsonObject },
        authorizations: [request.header('authorization') ?? []].flat(),
      })
      .catch(refused);
    if (origin !== serverNameOf(mxid)) throw forbidden(`${origin} is not the homeserver of ${mxid}`);
    await needs.associations.unbind(mxid, threepid);
    return {};
  },
);

function refused(error: unknown): never {
  throw error instanceof MatrixError ? forbidden(error.message) : error;
}
