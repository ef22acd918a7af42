import { Type } from 'typebox';
import type { BrowserSessions } from '../../accounts/browser-sessions.ts';
import { SSO_CALLBACK_PATH, type SingleSignOn } from '../../accounts/sso/single-sign-on.ts';
import type { Login } from '../../accounts/login.ts';
import type { OpenedSession } from '../../accounts/sessions.ts';
import type { StagePages } from '../../accounts/stage-pages.ts';
import { legacySessionBody } from '../../api/legacy/account/legacy-session-body.ts';
import { endpoint, Reply } from '../../wire/endpoint.ts';
import { nextPage, searchOf, SIGN_IN_PATH } from '../account/next-page.ts';
import { stageDonePage } from '../fallback-page.ts';
import { answeringWithPages, Visit } from '../visit.ts';

interface Needs {
  readonly browserSessions: BrowserSessions;
  readonly singleSignOn: SingleSignOn;
  readonly stagePages: StagePages;
  readonly login: Login;
}

/** GET /account/sign-in/{provider}: leads to an identity provider. */
const toProvider = endpoint(
  {
    id: 'providerPage',
    method: 'GET',
    paths: [`${SIGN_IN_PATH}/:provider`],
    auth: 'none',
    limit: 'login',
    params: Type.Object({ provider: Type.String() }),
    query: Type.Object({ next: Type.Optional(Type.String()) }),
  },
  async (needs: Needs, request) => {
    const visit = await Visit.of(needs.browserSessions, request);
    return answeringWithPages(visit, async () => {
      const browser = { token: visit.token, baseUrl: request.baseUrl };
      const purpose = { kind: 'page', next: nextPage(request.query.next) } as const;
      return visit.redirect(await needs.singleSignOn.begin(request.params.provider, browser, purpose));
    });
  },
);

/** GET /account/sso-callback: where identity providers send browsers back to. */
const fromProvider = endpoint(
  {
    id: 'ssoCallback',
    spec: 'client-server-api/#sso-client-loginauthentication',
    method: 'GET',
    paths: [SSO_CALLBACK_PATH],
    auth: 'none',
    limit: 'login',
    query: Type.Record(Type.String(), Type.Unknown()),
  },
  async (needs: Needs, request) => {
    const visit = await Visit.of(needs.browserSessions, request);
    return answeringWithPages(visit, async () => {
      const browser = { token: visit.token, baseUrl: request.baseUrl };
      const { userId, purpose } = await needs.singleSignOn.finish(searchOf(request.query), browser);
      if (purpose.kind === 'stage') {
        await needs.stagePages.completeAs(userId, purpose.session, purpose.type);
        return visit.page(stageDonePage());
      }
      if (purpose.kind === 'credentials') {
        return credentialsReply(await needs.login.openFor(userId, 'macaroon'));
      }
      return visit.redirect(purpose.next, await needs.browserSessions.open(userId, visit.token));
    });
  },
);

/** The ways to identity providers and back. */
export const providerPages = [toProvider, fromProvider] as const;

/** The way back of a log-in in version 1 of the API answers the client itself. */
function credentialsReply(session: OpenedSession): Reply {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  return new Reply(200, headers, legacySessionBody(session));
}
