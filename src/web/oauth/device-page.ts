import { Type } from 'typebox';
import type { BrowserSession, BrowserSessions } from '../../accounts/browser-sessions.ts';
import type { DeviceAuthorizations } from '../../accounts/oauth/device-authorizations.ts';
import { OAUTH_PATHS } from '../../api/oauth/oauth-paths.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { endpoint, type Reply } from '../../wire/endpoint.ts';
import { onTheWayTo, SIGN_IN_PATH } from '../account/next-page.ts';
import { escapeHtml } from '../page.ts';
import { answeringWithPages, Visit, type BrowserRequest } from '../visit.ts';
import { clientCard, languagesOf } from './client-card.ts';

interface Needs {
  readonly browserSessions: BrowserSessions;
  readonly deviceAuthorizations: DeviceAuthorizations;
}

const place = {
  paths: [OAUTH_PATHS.link],
  auth: 'none',
  query: Type.Object({ user_code: Type.Optional(Type.String()) }),
} as const;

/** GET {verification_uri}: people type the code that another device shows, and see what asks (RFC 8628, section 3.3). */
const showDevice = endpoint(
  {
    ...place,
    id: 'devicePage',
    spec: 'client-server-api/#device-authorisation-flow',
    method: 'GET',
    limit: 'login',
  },
  (needs: Needs, request) =>
    signedIn(needs, request, async (visit, session) => {
      const code = request.query.user_code;
      if (code === undefined) return codePage(visit);
      try {
        const asks = await needs.deviceAuthorizations.pending(code);
        const card = clientCard(
          asks.client.metadata,
          asks.deviceId,
          languagesOf(request.header('accept-language')),
        );
        return decisionPage(visit, { card, session, userCode: asks.userCode });
      } catch (error) {
        if (!(error instanceof MatrixError)) throw error;
        return codePage(visit, error);
      }
    }),
);

/** What its buttons do. */
const decide = endpoint(
  { ...place, id: 'deviceForm', method: 'POST', limit: 'login', body: 'bytes' },
  (needs: Needs, request) =>
    signedIn(needs, request, async (visit, session) => {
      const fields = await visit.fields(request.body);
      const isAllowed = fields.get('decision') === 'allow';
      await needs.deviceAuthorizations.decide(fields.get('user_code') ?? '', session.userId, isAllowed);
      return visit.page({
        title: isAllowed ? 'Allowed' : 'Refused',
        body: `<p role="status">${isAllowed ? 'Go on with your other device.' : 'The other device gets no access.'} You can close this page.</p>`,
      });
    }),
);

/** The pages of the device authorization grant. */
export const devicePages = [showDevice, decide] as const;

async function signedIn(
  needs: Needs,
  request: BrowserRequest & { query: { user_code?: string } },
  run: (visit: Visit, session: BrowserSession) => Promise<Reply>,
): Promise<Reply> {
  const visit = await Visit.of(needs.browserSessions, request);
  return answeringWithPages(visit, async () => {
    if (visit.session) return run(visit, visit.session);
    const code = request.query.user_code;
    const search = code === undefined ? '' : `?${new URLSearchParams({ user_code: code }).toString()}`;
    return visit.redirect(onTheWayTo(SIGN_IN_PATH, OAUTH_PATHS.link + search));
  });
}

function codePage(visit: Visit, error?: MatrixError): Reply {
  const alert = error ? `<p role="alert">${escapeHtml(error.message)}.</p>\n` : '';
  return visit.page({
    status: error?.status ?? 200,
    title: 'Sign in another device',
    body: `${alert}<form method="get">
<label for="user_code">Code that the other device shows</label>
<input id="user_code" name="user_code" autocomplete="off" autocapitalize="characters" spellcheck="false" required>
<button>Go on</button>
</form>`,
  });
}

function decisionPage(
  visit: Visit,
  about: { card: string; session: BrowserSession; userCode: string },
): Reply {
  const { card, session, userCode } = about;
  const shown = `${userCode.slice(0, 4)}-${userCode.slice(4)}`;
  const buttons = `<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Refuse</button>`;
  return visit.page({
    title: 'Sign in another device?',
    body: `${card}
<p>You are signed in as <strong>${escapeHtml(session.userId)}</strong>.</p>
<p>Go on only if you have that device before you and it shows the code <strong>${escapeHtml(shown)}</strong>. Whoever sent you
this code or a link with it would get into your account.</p>
${visit.form(buttons, { user_code: userCode })}`,
  });
}
