import { Type } from 'typebox';
import type { BrowserSessions } from '../../accounts/browser-sessions.ts';
import type { Stage } from '../../accounts/interactive-auth.ts';
import type { Registration } from '../../accounts/registration/registration.ts';
import type { StagePages } from '../../accounts/stage-pages.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { endpoint, type Reply } from '../../wire/endpoint.ts';
import { escapeHtml } from '../page.ts';
import { stageForm, type Proving } from '../stage-forms.ts';
import { takeStageStep } from '../stage-step.ts';
import { answeringWithPages, Visit } from '../visit.ts';
import { nextPage, onTheWayTo, REGISTER_PATH, SIGN_IN_PATH } from './next-page.ts';

interface Needs {
  readonly browserSessions: BrowserSessions;
  readonly registration: Registration;
  readonly stagePages: StagePages;
  readonly recaptchaScript: string;
}

const place = {
  paths: [REGISTER_PATH],
  auth: 'none',
  query: Type.Object({ next: Type.Optional(Type.String()) }),
} as const;
/** The step after all stages: the name and password. */
const ACCOUNT_STEP = 'account';

/** GET /account/register: people make an account with a browser, one stage after the other. */
const showRegister = endpoint(
  { ...place, id: 'registerPage', method: 'GET', limit: 'registration' },
  async (needs: Needs, request) => {
    const visit = await Visit.of(needs.browserSessions, request);
    return answeringWithPages(visit, async () => {
      const session = await needs.registration.beginOnPages();
      return nextStep(needs, { visit, session, next: nextPage(request.query.next) });
    });
  },
);

/** What its forms do. */
const register = endpoint(
  { ...place, id: 'registerForm', method: 'POST', limit: 'registration', body: 'bytes' },
  async (needs: Needs, request) => {
    const visit = await Visit.of(needs.browserSessions, request);
    return answeringWithPages(visit, async () => {
      const fields = await visit.fields(request.body);
      const session = fields.get('session') ?? '';
      const at: Step = { visit, session, next: nextPage(request.query.next) };
      const type = fields.get('step') ?? '';
      if (type === ACCOUNT_STEP) return makeAccount(needs, at, fields);
      const stage = await needs.stagePages.stage(session, type);
      const step = await takeStageStep(needs.stagePages, session, type, fields);
      return step === 'completed' ? nextStep(needs, at) : stagePage(needs, at, stage, step);
    });
  },
);

/** The pages to make an account on. */
export const registerPages = [showRegister, register] as const;

interface Step {
  readonly visit: Visit;
  /** The session of interactive authentication. */
  readonly session: string;
  readonly next: string;
}

async function nextStep(needs: Needs, at: Step): Promise<Reply> {
  const [stage] = await needs.registration.stagesLeft(at.session);
  if (!stage) return accountPage(at);
  if (stage.type !== 'm.login.dummy') return stagePage(needs, at, stage, {});
  await needs.stagePages.complete(at.session, stage.type, { type: stage.type });
  return nextStep(needs, at);
}

async function makeAccount(needs: Needs, at: Step, fields: URLSearchParams): Promise<Reply> {
  const name = fields.get('user')?.trim() ?? '';
  try {
    if (fields.get('password') !== fields.get('repeated')) {
      throw new MatrixError(400, 'M_INVALID_PARAM', 'The two passwords are not the same');
    }
    const { userId } = await needs.registration.register({
      username: name,
      password: fields.get('password') ?? '',
      deviceId: undefined,
      displayName: undefined,
      inhibitLogin: true,
      form: 'lasting',
      auth: { session: at.session },
    });
    return at.visit.redirect(at.next, await needs.browserSessions.open(userId, at.visit.token));
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
    return accountPage(at, { name, error });
  }
}

function stagePage(
  needs: Needs,
  { visit, session }: Step,
  stage: Stage,
  step: { proving?: Proving | undefined; error?: MatrixError | undefined },
): Reply {
  const alert = step.error ? `<p role="alert">${escapeHtml(step.error.message)}.</p>\n` : '';
  const isRiddle = stage.type === 'm.login.recaptcha';
  return visit.page({
    status: step.error?.status ?? 200,
    title: 'Make an account',
    body: alert + visit.form(stageForm(stage, step.proving) ?? '', { session, step: stage.type }),
    ...(isRiddle ? { foreignScript: needs.recaptchaScript } : {}),
  });
}

function accountPage({ visit, session, next }: Step, tried?: { name: string; error: MatrixError }): Reply {
  const alert = tried ? `<p role="alert">${escapeHtml(tried.error.message)}.</p>\n` : '';
  const fields = `<label for="user">User name</label>
<input id="user" name="user" autocomplete="username" value="${escapeHtml(tried?.name ?? '')}" required>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="new-password" required>
<label for="repeated">The password again</label>
<input id="repeated" name="repeated" type="password" autocomplete="new-password" required>
<button>Make the account</button>`;
  const signIn = escapeHtml(onTheWayTo(SIGN_IN_PATH, next));
  return visit.page({
    status: tried?.error.status ?? 200,
    title: 'Make an account',
    body: `${alert}${visit.form(fields, { session, step: ACCOUNT_STEP })}\n<p>You have one? <a href="${signIn}">Sign in</a>.</p>`,
  });
}
