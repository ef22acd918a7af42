import { Type } from 'typebox';
import type { BrowserSession, BrowserSessions } from '../../accounts/browser-sessions.ts';
import { SSO_LOGIN_TOKEN_LIFETIME_MS, type LoginTokens } from '../../accounts/login-tokens.ts';
import { endpoint, type Reply } from '../../wire/endpoint.ts';
import { onTheWayTo, SIGN_IN_PATH } from '../account/next-page.ts';
import { escapeHtml } from '../page.ts';
import { answeringWithPages, Visit, type BrowserRequest } from '../visit.ts';
import { CONTINUE_PATH, continuePath, isTrusted, parseRedirectUrl, withLoginToken } from './redirect-url.ts';

interface Needs {
  readonly browserSessions: BrowserSessions;
  readonly loginTokens: LoginTokens;
  readonly trustedRedirects: readonly string[];
}

const place = {
  paths: [CONTINUE_PATH],
  auth: 'none',
  limit: 'login',
  query: Type.Object({ redirectUrl: Type.Optional(Type.String()) }),
} as const;

/**
 * GET /account/continue: people confirm that a client gets access, so that nobody gets a login token by a link that they made
 * others click (Client-Server API, "SSO client login/authentication", security considerations).
 */
const showContinue = endpoint({ ...place, id: 'continuePage', method: 'GET' }, (needs: Needs, request) =>
  signedIn(needs, request, async (visit, session, url) => {
    if (isTrusted(url, needs.trustedRedirects)) return handOver(needs, visit, session, url);
    const other = escapeHtml(onTheWayTo(SIGN_IN_PATH, continuePath(url)));
    return visit.page({
      title: 'Continue?',
      body: `<p>A client at <strong>${escapeHtml(shownAddress(url))}</strong> asks to use your account. It will be able to read and
send messages and do everything else that you can do.</p>
<p>You are signed in as <strong>${escapeHtml(session.userId)}</strong>. <a href="${other}">Use another account</a></p>
${visit.form('<button>Continue</button>')}
<p>If you did not just try to sign in there, close this page.</p>`,
      formTargets: [url.origin === 'null' ? url.protocol : url.origin],
    });
  }),
);

/** What its button does. */
const confirm = endpoint(
  { ...place, id: 'continueForm', method: 'POST', body: 'bytes' },
  (needs: Needs, request) =>
    signedIn(needs, request, async (visit, session, url) => {
      await visit.fields(request.body);
      return handOver(needs, visit, session, url);
    }),
);

/** The pages by which clients of the legacy API get a login token. */
export const continuePages = [showContinue, confirm] as const;

async function signedIn(
  needs: Needs,
  request: BrowserRequest & { query: { redirectUrl?: string } },
  run: (visit: Visit, session: BrowserSession, url: URL) => Promise<Reply>,
): Promise<Reply> {
  const visit = await Visit.of(needs.browserSessions, request);
  return answeringWithPages(visit, async () => {
    const url = parseRedirectUrl(request.query.redirectUrl);
    if (visit.session) return run(visit, visit.session, url);
    return visit.redirect(onTheWayTo(SIGN_IN_PATH, continuePath(url)));
  });
}

async function handOver(needs: Needs, visit: Visit, session: BrowserSession, url: URL): Promise<Reply> {
  const token = await needs.loginTokens.make(session.userId, SSO_LOGIN_TOKEN_LIFETIME_MS);
  return visit.redirect(withLoginToken(url, token));
}

function shownAddress(url: URL): string {
  return url.origin === 'null' ? url.protocol : url.origin;
}
