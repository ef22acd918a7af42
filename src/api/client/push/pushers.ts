import { Type } from 'typebox';
import type { Pushers } from '../../../modules/push/index.ts';
import type { JsonValue } from '../../../protocol/json.ts';
import { parsePusher } from '../../../protocol/push/parse-pusher.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** GET /pushers */
export const getPushers = endpoint(
  {
    id: 'getPushers',
    spec: 'client-server-api/#get_matrixclientv3pushers',
    method: 'GET',
    paths: clientPaths('/pushers'),
    auth: 'user',
  },
  async (needs: { pushers: Pushers }, request) => ({
    pushers: await needs.pushers.list(request.session.userId),
  }),
);

/** POST /pushers/set */
export const postPusher = endpoint(
  {
    id: 'postPusher',
    spec: 'client-server-api/#post_matrixclientv3pushersset',
    method: 'POST',
    paths: clientPaths('/pushers/set'),
    auth: 'user',
    limit: 'other',
    body: Type.Unknown(),
  },
  async (needs: { pushers: Pushers; plainGateways: ReadonlySet<string> }, request) => {
    const pusher = parsePusher(request.body as JsonValue, needs.plainGateways);
    if ('kind' in pusher) await needs.pushers.set(request.session, pusher);
    else await needs.pushers.remove(request.session.userId, pusher);
    return {};
  },
);
