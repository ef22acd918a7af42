import { Type } from 'typebox';
import type { BrowserSessions } from '../accounts/browser-sessions.ts';
import type { Stage } from '../accounts/interactive-auth.ts';
import type { SingleSignOn } from '../accounts/sso/single-sign-on.ts';
import type { StagePages } from '../accounts/stage-pages.ts';
import type { MatrixError } from '../protocol/matrix-error.ts';
import { notFound } from '../protocol/matrix-error.ts';
import { clientPaths, endpoint, type Reply } from '../wire/endpoint.ts';
import { escapeHtml, type Page } from './page.ts';
import { providerButtons } from './sso/provider-buttons.ts';
import { stageForm, type Proving } from './stage-forms.ts';
import { takeStageStep } from './stage-step.ts';
import { answeringWithPages, Visit } from './visit.ts';

/** Stages that people complete by signing in elsewhere. */
const ELSEWHERE = ['m.login.sso', 'm.login.oauth2'];
const DONE = `if (window.onAuthDone) { window.onAuthDone(); } else if (window.opener && window.opener.postMessage) { window.opener.postMessage("authDone", "*"); }`;

interface Needs {
  readonly browserSessions: BrowserSessions;
  readonly stagePages: StagePages;
  readonly singleSignOn: SingleSignOn;
  readonly recaptchaScript: string;
}

const place = {
  paths: clientPaths('/auth/:authType/fallback/web').concat(
    '/_matrix/client/v2_alpha/auth/:authType/fallback/web',
  ),
  auth: 'none',
  params: Type.Object({ authType: Type.String() }),
  query: Type.Object({ session: Type.String() }),
} as const;

/** GET /auth/{authType}/fallback/web: a stage as a page. */
const showStage = endpoint(
  {
    ...place,
    id: 'fallbackPage',
    spec: 'client-server-api/#fallback',
    method: 'GET',
  },
  async (needs: Needs, request) => {
    const visit = await Visit.of(needs.browserSessions, request);
    const { session } = request.query;
    return answeringWithPages(visit, async () => {
      return stagePage(needs, visit, await needs.stagePages.stage(session, request.params.authType), {
        session,
      });
    });
  },
);

/** What the forms of that page do. */
const completeStage = endpoint(
  {
    ...place,
    id: 'fallbackForm',
    spec: 'client-server-api/#fallback',
    method: 'POST',
    limit: 'login',
    body: 'bytes',
  },
  async (needs: Needs, request) => {
    const visit = await Visit.of(needs.browserSessions, request);
    const { session } = request.query;
    const type = request.params.authType;
    return answeringWithPages(visit, async () => {
      const fields = await visit.fields(request.body);
      const stage = await needs.stagePages.stage(session, type);
      const provider = fields.get('provider');
      if (provider !== null && ELSEWHERE.includes(type)) {
        const browser = { token: visit.token, baseUrl: request.baseUrl };
        const purpose = { kind: 'stage', session, type } as const;
        return visit.redirect(await needs.singleSignOn.begin(provider, browser, purpose));
      }
      const step = await takeStageStep(needs.stagePages, session, type, fields);
      if (step !== 'completed') return stagePage(needs, visit, stage, { session, ...step });
      return visit.page(stageDonePage());
    });
  },
);

/** The pages that clients fall back to. */
export const fallbackPages = [showStage, completeStage] as const;

/** Says that a stage is completed, to the person and to the client that opened the page. */
export function stageDonePage(): Page {
  return {
    title: 'Done',
    body: '<p role="status">That is done. Close this page and go back to your client.</p>',
    script: DONE,
  };
}

async function stagePage(
  needs: Needs,
  visit: Visit,
  stage: Stage,
  at: { session: string; proving?: Proving | undefined; error?: MatrixError | undefined },
): Promise<Reply> {
  const form = stageForm(stage, at.proving);
  if (form === undefined) throw notFound('There is no page for this');
  const alert = at.error ? `<p role="alert">${escapeHtml(at.error.message)}.</p>\n` : '';
  const isElsewhere = ELSEWHERE.includes(stage.type);
  const warning = isElsewhere ? warningOf(await needs.stagePages.purposeOf(at.session)) : '';
  const buttons = isElsewhere ? providerButtons(needs.singleSignOn) : '';
  const forms = [form, buttons].filter((inside) => inside !== '');
  const isRiddle = stage.type === 'm.login.recaptcha';
  return visit.page({
    status: at.error?.status ?? 200,
    title: 'One more step',
    body: alert + warning + forms.map((inside) => visit.form(inside)).join('\n'),
    ...(isRiddle ? { foreignScript: needs.recaptchaScript } : {}),
    // Identity providers send browsers on to wherever they like.
    ...(isElsewhere ? { formTargets: 'any' } : {}),
  });
}

function warningOf(purpose: string): string {
  return `<p>A client of yours wants to ${escapeHtml(purpose)}. To confirm this, prove who you are. If you did not expect it,
somebody else may be using your account: close this page.</p>\n`;
}
