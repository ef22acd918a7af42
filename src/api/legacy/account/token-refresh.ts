import { Type } from 'typebox';
import type { Sessions } from '../../../accounts/sessions.ts';
import { forbidden, MatrixError } from '../../../protocol/matrix-error.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import { V1, V2_ALPHA } from '../legacy-paths.ts';
import { CODES_OF_2015 } from '../old-form.ts';

/** POST /tokenrefresh: the refresh token is used up at once. */
export const tokenRefresh = endpoint(
  {
    id: 'tokenrefresh',
    method: 'POST',
    paths: [`${V1}/tokenrefresh`, `${V2_ALPHA}/tokenrefresh`],
    auth: 'none',
    limit: 'login',
    codes: CODES_OF_2015,
    body: Type.Object({ refresh_token: Type.String() }),
  },
  async (needs: { sessions: Sessions }, { body }) => {
    try {
      const opened = await needs.sessions.refreshOnce(body.refresh_token);
      return { access_token: opened.accessToken, refresh_token: opened.refreshToken };
    } catch (error) {
      throw error instanceof MatrixError ? forbidden(error.message) : error;
    }
  },
);
