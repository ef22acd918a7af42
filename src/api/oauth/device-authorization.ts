import type { DeviceAuthorizations } from '../../accounts/oauth/device-authorizations.ts';
import { endpoint, Reply } from '../../wire/endpoint.ts';
import { oauthForm, required } from './oauth-form.ts';
import { OAUTH_PATHS } from './oauth-paths.ts';

/** POST {device_authorization_endpoint} (RFC 8628, section 3.1). */
export const authorizeDevice = endpoint(
  {
    id: 'authorizeDevice',
    spec: 'client-server-api/#device-authorisation-flow',
    method: 'POST',
    paths: [OAUTH_PATHS.deviceAuthorization],
    auth: 'none',
    limit: 'registration',
    body: 'bytes',
  },
  async (needs: { deviceAuthorizations: DeviceAuthorizations }, { body, baseUrl }) => {
    const form = await oauthForm(body);
    const started = await needs.deviceAuthorizations.start(
      required(form, 'client_id'),
      form.get('scope') ?? '',
    );
    const page = baseUrl + OAUTH_PATHS.link;
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
    return new Reply(200, headers, {
      device_code: started.deviceCode,
      user_code: started.userCode,
      verification_uri: page,
      verification_uri_complete: `${page}?user_code=${started.userCode}`,
      expires_in: started.expiresInMs / 1000,
      interval: started.intervalMs / 1000,
    });
  },
);
