import { hash, timingSafeEqual } from 'node:crypto';
import {
  BROWSER_SESSION_MS,
  type BrowserSession,
  type BrowserSessions,
} from '../accounts/browser-sessions.ts';
import { MatrixError } from '../protocol/matrix-error.ts';
import { Reply, type ByteBody } from '../wire/endpoint.ts';
import { formFields } from '../wire/form-body.ts';
import { escapeHtml, hiddenFields, pageReply, type Page } from './page.ts';

const COOKIE = 'myelin_browser';
const TOKEN = /^[A-Za-z0-9]{40}$/;
const FORM_TOKEN = 'form_token';

/** What a request of a browser has that its visit is made from. */
export interface BrowserRequest {
  readonly baseUrl: string;
  header(name: string): string | undefined;
}

/** One browser on the pages of this server. */
export class Visit {
  /** What the browser is known by: its cookie. */
  readonly token: string;
  /** Who is signed in with it. */
  readonly session: BrowserSession | undefined;
  readonly #isNew: boolean;
  readonly #isSecure: boolean;

  private constructor(
    token: string,
    session: BrowserSession | undefined,
    about: { isNew: boolean; isSecure: boolean },
  ) {
    this.token = token;
    this.session = session;
    this.#isNew = about.isNew;
    this.#isSecure = about.isSecure;
  }

  /** The visit that a request belongs to. */
  static async of(sessions: BrowserSessions, request: BrowserRequest): Promise<Visit> {
    const isSecure = request.baseUrl.startsWith('https:');
    const known = cookieIn(request.header('cookie'));
    if (known === undefined) return new Visit(sessions.newToken(), undefined, { isNew: true, isSecure });
    return new Visit(known, await sessions.byToken(known), { isNew: false, isSecure });
  }

  /** A page for this browser. Its forms go to this server, or by redirects to `formTargets`, or anywhere. */
  page(page: Page | (Omit<Page, 'formTargets'> & { formTargets: 'any' })): Reply {
    const headers = this.#isNew ? { ...page.headers, ...this.#setCookie(this.token) } : page.headers;
    const { formTargets = [], ...rest } = page;
    return pageReply({
      ...rest,
      ...(formTargets === 'any' ? {} : { formTargets }),
      ...(headers ? { headers } : {}),
    });
  }

  /** Sends the browser elsewhere; with a token of another session, that is what it is known by from now on. */
  redirect(location: string, newToken?: string, status: 302 | 303 = 303): Reply {
    const cookie = newToken === undefined ? (this.#isNew ? this.token : undefined) : newToken;
    const headers = cookie === undefined ? {} : this.#setCookie(cookie);
    return new Reply(status, { location, 'cache-control': 'no-store', ...headers }, '');
  }

  /** A form that only this browser can send. What is in `inside` is HTML. */
  form(inside: string, fields: Readonly<Record<string, string>> = {}, action?: string): string {
    const to = action === undefined ? '' : ` action="${escapeHtml(action)}"`;
    return `<form method="post"${to}>\n${hiddenFields({ ...fields, [FORM_TOKEN]: this.#formToken() })}\n${inside}\n</form>`;
  }

  /**
   * The fields of a form that this browser sent.
   *
   * @throws MatrixError 403 for a form that was not made for it: another site's page may have sent it.
   */
  async fields(body: ByteBody): Promise<URLSearchParams> {
    const fields = await formFields(body);
    const given = Buffer.from(fields.get(FORM_TOKEN) ?? '');
    const expected = Buffer.from(this.#formToken());
    if (given.length === expected.length && timingSafeEqual(given, expected)) return fields;
    throw new MatrixError(
      403,
      'M_FORBIDDEN',
      'This form is out of date, or cookies are off: go back, load the page again, and send it once more',
    );
  }

  #formToken(): string {
    return hash('sha256', `${FORM_TOKEN}\0${this.token}`, 'base64url');
  }

  #setCookie(token: string): Record<string, string> {
    const seconds = BROWSER_SESSION_MS / 1000;
    const secure = this.#isSecure ? '; Secure' : '';
    return {
      'set-cookie': `${COOKIE}=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${seconds}${secure}`,
    };
  }
}

function cookieIn(header: string | undefined): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const [name, value = ''] = pair.trim().split('=', 2);
    if (name === COOKIE && TOKEN.test(value)) return value;
  }
  return undefined;
}

/** What to say where something a person asked for did not work. */
function alertPage(error: MatrixError): Page {
  return {
    status: error.status,
    title: 'That did not work',
    body: `<p role="alert">${escapeHtml(error.message)}.</p>`,
  };
}

/** Answers with a page, also where something is refused. */
export async function answeringWithPages(visit: Visit, run: () => Promise<Reply>): Promise<Reply> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
    return visit.page(alertPage(error));
  }
}
