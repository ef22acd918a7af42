import { Type } from 'typebox';
import type { BrowserSessions } from '../../accounts/browser-sessions.ts';
import type { Login } from '../../accounts/login.ts';
import type { SingleSignOn } from '../../accounts/sso/single-sign-on.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { endpoint, type Reply } from '../../wire/endpoint.ts';
import { escapeHtml } from '../page.ts';
import { answeringWithPages, Visit } from '../visit.ts';
import { nextPage, onTheWayTo, REGISTER_PATH, SIGN_IN_PATH } from './next-page.ts';

interface Needs {
  readonly browserSessions: BrowserSessions;
  readonly login: Login;
  readonly singleSignOn: SingleSignOn;
}

const place = {
  paths: [SIGN_IN_PATH],
  auth: 'none',
  query: Type.Object({ next: Type.Optional(Type.String()) }),
} as const;

/** GET /account/sign-in: people sign in with a browser. */
const showSignIn = endpoint({ ...place, id: 'signInPage', method: 'GET' }, async (needs: Needs, request) => {
  const visit = await Visit.of(needs.browserSessions, request);
  return signInPage(needs, visit, nextPage(request.query.next));
});

/** What its form does. */
const signIn = endpoint(
  { ...place, id: 'signInForm', method: 'POST', limit: 'login', body: 'bytes' },
  async (needs: Needs, request) => {
    const visit = await Visit.of(needs.browserSessions, request);
    return answeringWithPages(visit, async () => {
      const fields = await visit.fields(request.body);
      const next = nextPage(request.query.next);
      const name = fields.get('user')?.trim() ?? '';
      try {
        const userId = await needs.login.userWithPassword(name, fields.get('password') ?? '');
        return visit.redirect(next, await needs.browserSessions.open(userId, visit.token));
      } catch (error) {
        if (!(error instanceof MatrixError)) throw error;
        return signInPage(needs, visit, next, { name, error });
      }
    });
  },
);

/** The pages to sign in on. */
export const signInPages = [showSignIn, signIn] as const;

function signInPage(
  { singleSignOn }: Needs,
  visit: Visit,
  next: string,
  tried?: { name: string; error: MatrixError },
): Reply {
  const alert = tried ? `<p role="alert">${escapeHtml(tried.error.message)}.</p>\n` : '';
  const known = visit.session ? `<p>You are signed in as ${escapeHtml(visit.session.userId)}.</p>\n` : '';
  const fields = `<label for="user">User name or mail address</label>
<input id="user" name="user" autocomplete="username" value="${escapeHtml(tried?.name ?? '')}" required>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button>`;
  const providers = singleSignOn.providers.map(({ settings: { id, name } }) => {
    const way = `${SIGN_IN_PATH}/${id}?${new URLSearchParams({ next }).toString()}`;
    return `<p><a href="${escapeHtml(way)}">Continue with ${escapeHtml(name)}</a></p>\n`;
  });
  const register = escapeHtml(onTheWayTo(REGISTER_PATH, next));
  return visit.page({
    status: tried?.error.status ?? 200,
    title: 'Sign in',
    body: `${alert}${known}${visit.form(fields)}\n${providers.join('')}<p>No account yet? <a href="${register}">Make one</a>.</p>`,
  });
}
