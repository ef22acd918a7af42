import { Type } from 'typebox';
import type { StagePages } from '../accounts/stage-pages.ts';
import type { Stage } from '../accounts/interactive-auth.ts';
import { MatrixError } from '../protocol/matrix-error.ts';
import { clientPaths, endpoint, type Reply } from '../wire/endpoint.ts';
import { formFields } from '../wire/form-body.ts';
import { escapeHtml, hiddenFields, pageReply } from './page.ts';
import { stageForm, type Proving } from './stage-forms.ts';
import { takeStageStep } from './stage-step.ts';

const DONE = `if (window.onAuthDone) { window.onAuthDone(); } else if (window.opener && window.opener.postMessage) { window.opener.postMessage("authDone", "*"); }`;

interface Needs {
  readonly stagePages: StagePages;
  readonly recaptchaScript: string;
}

const place = {
  paths: clientPaths('/auth/:authType/fallback/web'),
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
  async (needs: Needs, { params, query }) => {
    const { session } = query;
    return answering(async () => {
      return formReply(needs, await needs.stagePages.stage(session, params.authType), { session });
    });
  },
);

/** What the form of that page does. A page of elsewhere cannot send it: it does not know the session. */
const completeStage = endpoint(
  {
    ...place,
    id: 'fallbackForm',
    spec: 'client-server-api/#fallback',
    method: 'POST',
    limit: 'login',
    body: 'bytes',
  },
  async (needs: Needs, { params, query, body }) => {
    const { session } = query;
    const type = params.authType;
    const fields = await formFields(body);
    if (fields.get('session') !== session) {
      return alertReply(400, 'The form does not belong to this page');
    }
    return answering(async () => {
      const stage = await needs.stagePages.stage(session, type);
      const step = await takeStageStep(needs.stagePages, session, type, fields);
      if (step !== 'completed') return formReply(needs, stage, { session, ...step });
      return pageReply({
        title: 'Done',
        body: '<p role="status">That is done. Close this page and go back to your client.</p>',
        script: DONE,
      });
    });
  },
);

export const fallbackPages = [showStage, completeStage] as const;

function formReply(
  needs: Needs,
  stage: Stage,
  at: { session: string; proving?: Proving | undefined; error?: MatrixError | undefined },
): Reply {
  const form = stageForm(stage, at.proving);
  if (form === undefined) return alertReply(404, 'There is no page for this');
  const alert = at.error ? `<p role="alert">${escapeHtml(at.error.message)}.</p>\n` : '';
  const isRiddle = stage.type === 'm.login.recaptcha';
  return pageReply({
    status: at.error?.status ?? 200,
    title: 'One more step',
    body: `${alert}<form method="post">\n${hiddenFields({ session: at.session })}\n${form}\n</form>`,
    ...(isRiddle ? { foreignScript: needs.recaptchaScript } : {}),
  });
}

async function answering(run: () => Promise<Reply>): Promise<Reply> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
    return alertReply(error.status, error.message);
  }
}

function alertReply(status: number, message: string): Reply {
  return pageReply({
    status,
    title: 'That did not work',
    body: `<p role="alert">${escapeHtml(message)}.</p>`,
  });
}
