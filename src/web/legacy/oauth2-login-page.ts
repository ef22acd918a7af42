import type { BrowserSessions } from '../../accounts/browser-sessions.ts';
import { OAUTH2_LOGIN_PATH, type SingleSignOn } from '../../accounts/sso/single-sign-on.ts';
import { endpoint } from '../../wire/endpoint.ts';
import { providerButtons } from '../sso/provider-buttons.ts';
import { answeringWithPages, Visit } from '../visit.ts';

interface Needs {
  readonly browserSessions: BrowserSessions;
  readonly singleSignOn: SingleSignOn;
}

const place = { paths: [OAUTH2_LOGIN_PATH], auth: 'none', limit: 'login' } as const;

/** GET /api/v1/login/oauth2: where somebody chooses the service to log in with (2015, "OAuth2-based"). */
const chooseService = endpoint(
  { ...place, id: 'oauth2LoginPage', method: 'GET' },
  async (needs: Needs, request) => {
    const visit = await Visit.of(needs.browserSessions, request);
    return visit.page({
      title: 'Log in',
      body: visit.form(providerButtons(needs.singleSignOn)),
      // Identity providers send browsers on to wherever they like.
      formTargets: 'any',
    });
  },
);

/** What its buttons do. The way back ends with the credentials. */
const toService = endpoint(
  { ...place, id: 'oauth2LoginForm', method: 'POST', body: 'bytes' },
  async (needs: Needs, request) => {
    const visit = await Visit.of(needs.browserSessions, request);
    return answeringWithPages(visit, async () => {
      const fields = await visit.fields(request.body);
      const browser = { token: visit.token, baseUrl: request.baseUrl };
      const provider = fields.get('provider') ?? '';
      return visit.redirect(await needs.singleSignOn.begin(provider, browser, { kind: 'credentials' }));
    });
  },
);

/** The pages to log in on by another service in version 1 of the API. */
export const oauth2LoginPages = [chooseService, toService] as const;
