import { ACCOUNT_PATH } from '../../../accounts/oauth/account-actions.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { notFound } from '../../../protocol/matrix-error.ts';
import { endpoint } from '../../../wire/endpoint.ts';

/** What the server tells about itself under `/.well-known/matrix`, as far as it is configured. */
export interface WellKnown {
  /** Where clients reach it. */
  readonly baseUrl: string | undefined;
  /** Where other servers reach it. */
  readonly server: string | undefined;
  /** Style of the maps on which clients show places (MSC3488). */
  readonly mapStyleUrl: string | undefined;
  readonly support: JsonObject | undefined;
  /** The keys of the policy server that goes by the same name. */
  readonly policyServer: JsonObject | undefined;
}

interface Needs {
  rtcTransports: readonly JsonObject[];
  wellKnown: WellKnown;
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
    const { baseUrl, mapStyleUrl } = needs.wellKnown;
    if (baseUrl === undefined) throw notFound('The address of this server for clients is not configured');
    const answer: JsonObject = { 'm.homeserver': { base_url: baseUrl } };
    const base = baseUrl.replace(/\/+$/, '');
    // Clients from before the metadata of the OAuth 2.0 API was in the specification look here.
    answer['org.matrix.msc2965.authentication'] = { issuer: `${base}/`, account: base + ACCOUNT_PATH };
    if (needs.rtcTransports.length > 0) answer['org.matrix.msc4143.rtc_foci'] = [...needs.rtcTransports];
    if (mapStyleUrl !== undefined) {
      for (const name of ['m.tile_server', 'org.matrix.msc3488.tile_server'])
        answer[name] = { map_style_url: mapStyleUrl };
    }
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

/** GET /.well-known/matrix/policy_server */
export const getWellknownPolicy = endpoint(
  {
    id: 'getWellknownPolicy',
    spec: 'client-server-api/#getwell-knownmatrixpolicy_server',
    method: 'GET',
    paths: ['/.well-known/matrix/policy_server'],
    auth: 'none',
  },
  (needs: Needs) => {
    if (!needs.wellKnown.policyServer) throw notFound('No policy server goes by this name');
    return needs.wellKnown.policyServer;
  },
);
