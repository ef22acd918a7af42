import { emailThreepid, phoneThreepid } from '../../accounts/threepids/threepid-addresses.ts';
import type { SessionName, ThreepidValidation } from '../../accounts/threepids/threepid-validation.ts';
import type { Threepids } from '../../accounts/threepids/threepids.ts';
import { ACCOUNT_PATH } from '../../accounts/oauth/account-actions.ts';
import type { UserId } from '../../protocol/identifiers.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { Reply } from '../../wire/endpoint.ts';
import { escapeHtml, type Page } from '../page.ts';
import type { Visit } from '../visit.ts';
import { donePage } from './account-views.ts';

/** What adding an address or number takes. */
export interface ContactNeeds {
  readonly threepids: Threepids;
  readonly validation: ThreepidValidation;
  readonly opaque: (length: number) => string;
}

/** The forms by which one adds a mail address or phone number. */
export function contactView(visit: Visit, validation: ThreepidValidation, error?: MatrixError): Page {
  const email = `<label for="address">Mail address</label>
<input id="address" name="address" type="email" autocomplete="email" required>
<button>Send me a mail</button>`;
  const phone = `<label for="country">Country, such as GB</label>
<input id="country" name="country" maxlength="2" autocomplete="country" required>
<label for="number">Phone number</label>
<input id="number" name="address" type="tel" autocomplete="tel" required>
<button>Send me a code</button>`;
  const forms = [
    ...(validation.canSend('email') ? [visit.form(email, { do: 'add_contact' }, ACCOUNT_PATH)] : []),
    ...(validation.canSend('msisdn') ? [visit.form(phone, { do: 'add_contact' }, ACCOUNT_PATH)] : []),
  ];
  const body =
    forms.length === 0 ? '<p>This server sends neither mails nor text messages.</p>' : forms.join('\n');
  return { title: 'Add an address', body: alertOf(error) + body, status: error?.status ?? 200 };
}

/** Sends a mail or message, and asks to go on once it was read. */
export async function addContact(needs: ContactNeeds, visit: Visit, fields: URLSearchParams): Promise<Reply> {
  const country = fields.get('country');
  const address = fields.get('address') ?? '';
  try {
    const threepid = country === null ? emailThreepid(address) : await phoneThreepid(country, address);
    const clientSecret = needs.opaque(32);
    const wishes = { threepid, clientSecret, sendAttempt: 1, nextLink: undefined };
    const { sid } = await needs.threepids.requestToken('add', wishes);
    return visit.page(provingView(visit, { sid, clientSecret }, threepid.medium === 'msisdn'));
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
    return visit.page(contactView(visit, needs.validation, error));
  }
}

/** Adds what was proven. */
export async function finishContact(
  needs: ContactNeeds,
  visit: Visit,
  userId: UserId,
  fields: URLSearchParams,
): Promise<Reply> {
  const name = { sid: fields.get('sid') ?? '', clientSecret: fields.get('client_secret') ?? '' };
  const code = fields.get('code');
  try {
    if (code !== null) await needs.validation.submit(name, code.trim());
    const { address } = await needs.threepids.add(userId, name);
    return visit.page(donePage(`${address} is yours now.`));
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
    return visit.page(provingView(visit, name, code !== null, error));
  }
}

function provingView(visit: Visit, name: SessionName, isPhone: boolean, error?: MatrixError): Page {
  const fields = { do: 'finish_contact', sid: name.sid, client_secret: name.clientSecret };
  const inside = isPhone
    ? `<label for="code">Code</label>
<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required>
<button>Go on</button>`
    : '<p>Open the link in the mail, then go on here.</p>\n<button>Go on</button>';
  return {
    title: 'Add an address',
    body: alertOf(error) + visit.form(inside, fields, ACCOUNT_PATH),
    status: error?.status ?? 200,
  };
}

function alertOf(error: MatrixError | undefined): string {
  return error ? `<p role="alert">${escapeHtml(error.message)}.</p>\n` : '';
}
