import { Type } from 'typebox';
import type { Threepids } from '../../../accounts/threepids/threepids.ts';
import { MatrixError } from '../../../protocol/matrix-error.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import { V2_ALPHA } from '../legacy-paths.ts';
import { CODES_OF_2015 } from '../old-form.ts';

const path = { paths: [`${V2_ALPHA}/account/3pid`], auth: 'user', codes: CODES_OF_2015 } as const;

/** GET /v2_alpha/account/3pid */
export const alphaGetThreepids = endpoint(
  { ...path, id: 'get_3pids', method: 'GET' },
  async ({ threepids }: { threepids: Threepids }, { session }) => ({
    threepids: (await threepids.of(session.userId)).map(({ medium, address }) => ({ medium, address })),
  }),
);

/** POST /v2_alpha/account/3pid: adds what an identity server has proven. */
export const alphaAddThreepid = endpoint(
  {
    ...path,
    id: 'add_3pid',
    method: 'POST',
    limit: 'login',
    body: Type.Object({
      threePidCreds: Type.Object({
        id_server: Type.String(),
        sid: Type.String(),
        client_secret: Type.String(),
      }),
      bind: Type.Optional(Type.Boolean()),
    }),
  },
  async ({ threepids }: { threepids: Threepids }, { session, body }) => {
    const { id_server: idServer, sid, client_secret: clientSecret } = body.threePidCreds;
    const name = { sid, clientSecret };
    try {
      await threepids.add(session.userId, name, idServer);
    } catch (error) {
      const isUnproven =
        error instanceof MatrixError && ['M_FORBIDDEN', 'M_NO_VALID_SESSION'].includes(error.errcode);
      throw isUnproven ? new MatrixError(400, 'M_THREEPID_AUTH_FAILED', error.message) : error;
    }
    if (body.bind === true) await threepids.bind(session.userId, { idServer, accessToken: undefined }, name);
    return {};
  },
);
