import type { StagePages } from '../accounts/stage-pages.ts';
import { MatrixError } from '../protocol/matrix-error.ts';
import { authOf, type Proving } from './stage-forms.ts';

const THREEPIDS = ['m.login.email.identity', 'm.login.msisdn'];

/** What became of a form of a stage: the stage is completed, or something is asked further. */
export type StageStep =
  'completed' | { readonly proving?: Proving | undefined; readonly error?: MatrixError | undefined };

/** Takes a form of a stage that `stageForm` made. */
export async function takeStageStep(
  stagePages: StagePages,
  session: string,
  type: string,
  fields: URLSearchParams,
): Promise<StageStep> {
  let proving = provingIn(fields);
  try {
    if (THREEPIDS.includes(type) && !proving) {
      const country = fields.get('country') ?? undefined;
      const address = fields.get('address') ?? '';
      proving = await stagePages.sendToken(session, type, { address, country });
      return { proving };
    }
    const code = fields.get('code');
    if (code !== null && proving) await stagePages.submitCode(proving, code.trim());
    await stagePages.complete(session, type, authOf(type, fields, session));
    return 'completed';
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
    return { proving, error };
  }
}

function provingIn(fields: URLSearchParams): Proving | undefined {
  const sid = fields.get('sid');
  const clientSecret = fields.get('client_secret');
  return sid === null || clientSecret === null ? undefined : { sid, clientSecret };
}
