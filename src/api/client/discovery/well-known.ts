import type { JsonObject } from '../../../protocol/json.ts';
import { notFound } from '../../../protocol/matrix-error.ts';
import { endpoint } from '../../../wire/endpoint.ts';

interface Needs {
  rtcTransports: readonly JsonObject[];
  wellKnown: { readonly baseUrl: string | undefined; readonly support: JsonObject | undefined };
}

/** GET /.well-known/matrix/client */
export const getWellknown = endpoint(
  {
    id: 'getWellknown',
    spec: 'client-server-api/#getwell-knownmatrixclient',
    method: 'GET',
    paths: ['/.well-known/matrix/client'],
    auth: 'none',
  },
  (needs: Needs) => {
    const { baseUrl } = needs.wellKnown;
    if (baseUrl === undefined) throw notFound('The address of this server for clients is not configured');
    const answer: JsonObject = { 'm.homeserver': { base_url: baseUrl } };
    if (needs.rtcTransports.length > 0) answer['org.matrix.msc4143.rtc_foci'] = [...needs.rtcTransports];
    return answer;
  },
);

/** GET /.well-known/matrix/support */
export const getWellknownSupport = endpoint(
  {
    id: 'getWellknownSupport',
    spec: 'client-server-api/#getwell-knownmatrixsupport',
    method: 'GET',
    paths: ['/.well-known/matrix/support'],
    auth: 'none',
  },
  (needs: Needs) => {
    if (!needs.wellKnown.support) throw notFound('No support contacts are configured');
    return needs.wellKnown.support;
  },
);
