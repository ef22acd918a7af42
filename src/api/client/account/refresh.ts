import { Type } from 'typebox';
import type { Sessions } from '../../../accounts/sessions.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /refresh */
export const refresh = endpoint(
  {
    id: 'refresh',
    spec: 'client-server-api/#post_matrixclientv3refresh',
    method: 'POST',
    paths: clientPaths('/refresh'),
    auth: 'none',
    limit: 'login',
    body: Type.Object({ refresh_token: Type.String() }),
  },
  async (needs: { sessions: Sessions }, request) => {
    const session = await needs.sessions.refresh(request.body.refresh_token);
    return {
      access_token: session.accessToken,
      refresh_token: session.refreshToken,
      expires_in_ms: session.expiresInMs,
    };
  },
);
