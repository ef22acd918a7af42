import type { OpenedSession } from '../../../accounts/sessions.ts';
import type { JsonObject } from '../../../protocol/json.ts';

/** A session as the answers of login and registration tell it. */
export function sessionBody(session: OpenedSession): JsonObject {
  const body: JsonObject = {
    user_id: session.userId,
    access_token: session.accessToken,
    device_id: session.deviceId,
    home_server: session.userId.slice(session.userId.indexOf(':') + 1),
  };
  if (session.refreshToken !== undefined) body.refresh_token = session.refreshToken;
  if (session.expiresInMs !== undefined) body.expires_in_ms = session.expiresInMs;
  return body;
}
