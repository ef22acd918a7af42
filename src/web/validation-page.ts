import { Type } from 'typebox';
import {
  SUBMIT_PATH,
  VALIDATION_PAGE,
  type SessionName,
  type ThreepidValidation,
} from '../accounts/threepids/threepid-validation.ts';
import { MatrixError } from '../protocol/matrix-error.ts';
import { endpoint, Reply } from '../wire/endpoint.ts';
import { formFields } from '../wire/form-body.ts';
import { escapeHtml, hiddenFields, pageReply } from './page.ts';

const Named = Type.Object({ sid: Type.String(), client_secret: Type.String(), token: Type.String() });

/** The page that a mail leads to. It only asks: programs that look at links in mails must not confirm anything. */
const askToConfirm = endpoint(
  { id: 'validationPage', method: 'GET', paths: [VALIDATION_PAGE], auth: 'none', query: Named },
  (_needs: object, { query }) =>
    pageReply({
      title: 'Confirm your address',
      body: `<p>Somebody gave your address and waits for you to confirm it. If that was not you, close this page.</p>
<form method="post">
${hiddenFields({ sid: query.sid, client_secret: query.client_secret, token: query.token })}
<button>Confirm</button>
</form>`,
    }),
);

/** What the button of that page does: it confirms, and leads on to where the client said. */
const confirm = endpoint(
  {
    id: 'validationForm',
    method: 'POST',
    paths: [VALIDATION_PAGE],
    auth: 'none',
    limit: 'login',
    body: 'bytes',
  },
  async (needs: { validation: ThreepidValidation }, { body }) => {
    const fields = await formFields(body);
    const name = { sid: fields.get('sid') ?? '', clientSecret: fields.get('client_secret') ?? '' };
    return confirmed(needs.validation, name, fields.get('token') ?? '');
  },
);

/** Confirms an address, and answers the person: with a page, or by leading on to where the client said. */
export async function confirmed(
  validation: ThreepidValidation,
  name: SessionName,
  token: string,
): Promise<Reply> {
  try {
    const next = await validation.submit(name, token);
    if (next !== undefined) return new Reply(303, { location: new URL(next).href }, '');
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
    const body = `<p role="alert">${escapeHtml(error.message)}.</p>`;
    return pageReply({ status: error.status, title: 'Not confirmed', body });
  }
  return pageReply({
    title: 'Confirmed',
    body: '<p role="status">Your address is confirmed. Go back to your client.</p>',
  });
}

/** Takes the code of a text message from a client. */
const submitCode = endpoint(
  {
    id: 'submitThreepidToken',
    method: 'POST',
    paths: [SUBMIT_PATH],
    auth: 'none',
    limit: 'login',
    body: Named,
  },
  async (needs: { validation: ThreepidValidation }, { body }) => {
    await needs.validation.submit({ sid: body.sid, clientSecret: body.client_secret }, body.token);
    return { success: true };
  },
);

export const validationPages = [askToConfirm, confirm, submitCode] as const;
