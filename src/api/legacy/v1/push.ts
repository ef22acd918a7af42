import { Type } from 'typebox';
import type { Pushers } from '../../../modules/push/index.ts';
import type { JsonValue } from '../../../protocol/json.ts';
import { parsePusher2015 } from '../../../protocol/push/parse-pusher.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import { V1 } from '../legacy-paths.ts';
import { v1PushRules } from './push-rules.ts';

/** POST /pushers/set */
const v1SetPusher = endpoint(
  {
    id: 'set_pusher',
    method: 'POST',
    paths: [`${V1}/pushers/set`],
    auth: 'user',
    limit: 'other',
    body: Type.Unknown(),
  },
  async (needs: { pushers: Pushers; plainGateways: ReadonlySet<string> }, { session, body }) => {
    const pusher = parsePusher2015(body as JsonValue, needs.plainGateways);
    if ('kind' in pusher) await needs.pushers.set(session, pusher);
    else await needs.pushers.remove(session.userId, pusher);
    return {};
  },
);

/** Pushers and push rules as of 2015. */
export const v1Push = [v1SetPusher, ...v1PushRules] as const;
