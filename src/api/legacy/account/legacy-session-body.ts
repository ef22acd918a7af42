import type { OpenedSession } from '../../../accounts/sessions.ts';
import type { JsonObject } from '../../../protocol/json.ts';

/** A session as 2015 told it: there were no devices. */
export function legacySessionBody(session: OpenedSession): JsonObject {
  const { userId, accessToken, refreshToken } = session;
  return {
    user_id: userId,
    access_token: accessToken,
    home_server: userId.slice(userId.indexOf(':') + 1),
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
  };
}
