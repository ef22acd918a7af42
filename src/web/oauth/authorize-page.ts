import { Type } from 'typebox';
import type { BrowserSession, BrowserSessions } from '../../accounts/browser-sessions.ts';
import type { AuthorizationCodes } from '../../accounts/oauth/authorization-codes.ts';
import {
  AuthorizationRefused,
  parseAuthorizationRequest,
  returnLocation,
  type AuthorizationRequest,
} from '../../accounts/oauth/authorization-request.ts';
import type { OAuthClients } from '../../accounts/oauth/clients.ts';
import { OAuthError } from '../../accounts/oauth/oauth-error.ts';
import { OAUTH_PATHS } from '../../api/oauth/oauth-paths.ts';
import { endpoint, type Reply } from '../../wire/endpoint.ts';
import { onTheWayTo, REGISTER_PATH, searchOf, SIGN_IN_PATH } from '../account/next-page.ts';
import { escapeHtml } from '../page.ts';
import { answeringWithPages, Visit, type BrowserRequest } from '../visit.ts';
import { clientCard, languagesOf } from './client-card.ts';

interface Needs {
  readonly browserSessions: BrowserSessions;
  readonly oauthClients: OAuthClients;
  readonly authorizationCodes: AuthorizationCodes;
}

const place = {
  paths: [OAUTH_PATHS.authorize],
  auth: 'none',
  query: Type.Record(Type.String(), Type.Unknown()),
} as const;

/** GET {authorization_endpoint}: a client asks for access to somebody's account (RFC 6749, section 4.1). */
const showConsent = endpoint(
  { ...place, id: 'authorizePage', spec: 'client-server-api/#authorisation-code-flow', method: 'GET' },
  (needs: Needs, request) =>
    asked(needs, request, (visit, asks, session) => {
      const languages = languagesOf(request.header('accept-language'));
      return Promise.resolve(
        consentPage(visit, { asks, session, languages, search: searchOf(request.query) }),
      );
    }),
);

/** What its buttons do. */
const consent = endpoint(
  { ...place, id: 'authorizeForm', method: 'POST', limit: 'token', body: 'bytes' },
  (needs: Needs, request) =>
    asked(needs, request, async (visit, asks, session) => {
      const fields = await visit.fields(request.body);
      if (fields.get('decision') !== 'allow') {
        throw new AuthorizationRefused(asks.address, new OAuthError('access_denied', 'The user refused'));
      }
      const code = await needs.authorizationCodes.issue(asks, session.userId);
      return visit.redirect(returnLocation(asks.address, { code }));
    }),
);

/** The pages of the authorisation endpoint. */
export const authorizePages = [showConsent, consent] as const;

/** Runs for a request that is in order, of somebody who is signed in; leads others to where they sign in. */
async function asked(
  needs: Needs,
  request: BrowserRequest & { query: Record<string, unknown> },
  run: (visit: Visit, asks: AuthorizationRequest, session: BrowserSession) => Promise<Reply>,
): Promise<Reply> {
  const visit = await Visit.of(needs.browserSessions, request);
  const search = searchOf(request.query);
  return answeringWithPages(visit, async () => {
    try {
      const asks = await parseAuthorizationRequest(needs.oauthClients, search);
      const next = new URLSearchParams(search);
      next.delete('prompt');
      const here = `${OAUTH_PATHS.authorize}?${next.toString()}`;
      if (asks.createsAccount) return visit.redirect(onTheWayTo(REGISTER_PATH, here));
      if (!visit.session) return visit.redirect(onTheWayTo(SIGN_IN_PATH, here));
      return await run(visit, asks, visit.session);
    } catch (error) {
      if (error instanceof AuthorizationRefused) return visit.redirect(error.location);
      throw error;
    }
  });
}

function consentPage(
  visit: Visit,
  about: {
    asks: AuthorizationRequest;
    session: BrowserSession;
    languages: readonly string[];
    search: URLSearchParams;
  },
): Reply {
  const { asks, session, languages, search } = about;
  const { redirectUri } = asks.address;
  const buttons = `<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Refuse</button>`;
  const other = escapeHtml(onTheWayTo(SIGN_IN_PATH, `${OAUTH_PATHS.authorize}?${search.toString()}`));
  return visit.page({
    title: 'Allow access?',
    body: `${clientCard(asks.client.metadata, asks.deviceId, languages)}
<p>You are signed in as <strong>${escapeHtml(session.userId)}</strong>. <a href="${other}">Use another account</a></p>
${visit.form(buttons)}
<p>You will be sent to <code>${escapeHtml(destination(redirectUri))}</code>.</p>`,
    formTargets: [formTarget(redirectUri)],
  });
}

function destination(redirectUri: string): string {
  return /^https?:/i.test(redirectUri)
    ? new URL(redirectUri).origin
    : `${redirectUri.split(':', 1)[0] ?? ''}:`;
}

/** The source expression for a redirect URI in a content security policy. */
function formTarget(redirectUri: string): string {
  return destination(redirectUri).toLowerCase();
}
