import { OutgoingError, type OutgoingHttp } from '../platform/outgoing-http.ts';
import { isJsonObject } from '../protocol/json.ts';
import { MatrixError } from '../protocol/matrix-error.ts';
import type { Stage } from './interactive-auth.ts';

/** Keys and address of a reCAPTCHA service. */
export interface RecaptchaSettings {
  readonly siteKey: string;
  readonly secret: string;
  readonly verifyUrl: string;
}

/** `m.login.recaptcha`: the riddle's answer, checked by the service that set it. */
export function recaptchaStage(outgoing: OutgoingHttp, settings: RecaptchaSettings): Stage {
  return {
    type: 'm.login.recaptcha',
    params: { public_key: settings.siteKey },
    async check(auth) {
      if (typeof auth.response !== 'string') {
        throw new MatrixError(400, 'M_CAPTCHA_NEEDED', '"response" must be given in "auth"');
      }
      if (await isRight(outgoing, settings, auth.response)) return {};
      throw new MatrixError(401, 'M_CAPTCHA_INVALID', 'The riddle was not solved');
    },
  };
}

async function isRight(
  outgoing: OutgoingHttp,
  settings: RecaptchaSettings,
  response: string,
): Promise<boolean> {
  try {
    const answer = await outgoing.request({
      method: 'POST',
      url: settings.verifyUrl,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ secret: settings.secret, response }).toString(),
      timeoutMs: 10_000,
      maxBytes: 65_536,
    });
    const verdict: unknown = JSON.parse(answer.body.toString('utf8'));
    return isJsonObject(verdict) && verdict.success === true;
  } catch (error) {
    if (!(error instanceof OutgoingError || error instanceof SyntaxError)) throw error;
    throw new MatrixError(502, 'M_UNKNOWN', 'The service that sets the riddles could not be asked');
  }
}
