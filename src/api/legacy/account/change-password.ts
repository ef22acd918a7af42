import { Type } from 'typebox';
import type { Accounts } from '../../../accounts/accounts.ts';
import type { LegacyStages } from '../../../accounts/legacy-stages.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import { V2_ALPHA } from '../legacy-paths.ts';
import { CODES_OF_2015 } from '../old-form.ts';

/** POST /v2_alpha/account/password, with stages that there are no more. */
export const alphaChangePassword = endpoint(
  {
    id: 'change_password',
    method: 'POST',
    paths: [`${V2_ALPHA}/account/password`],
    auth: 'optional',
    limit: 'login',
    codes: CODES_OF_2015,
    body: Type.Object({
      new_password: Type.String(),
      auth: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    }),
  },
  async (needs: { accounts: Accounts; legacyStages: LegacyStages }, { body, session, baseUrl }) => {
    const more = session ? needs.legacyStages.of(session.userId, baseUrl) : [];
    const { new_password: password, auth } = body;
    const userId = await needs.accounts.confirmPasswordChange(session, password, auth, more);
    await needs.accounts.setPassword(userId, password, session?.deviceId);
    return {};
  },
);
