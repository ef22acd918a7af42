import type { Stage } from '../accounts/interactive-auth.ts';
import { isJsonObject, type JsonObject } from '../protocol/json.ts';
import { escapeHtml, hiddenFields } from './page.ts';

/** A session in which an address or number is being proven. */
export interface Proving {
  readonly sid: string;
  readonly clientSecret: string;
}

/** The form of a stage: what people fill in and press. Undefined for a stage that has none. */
export function stageForm(stage: Stage, proving: Proving | undefined): string | undefined {
  switch (stage.type) {
    case 'm.login.dummy':
      return button('Go on');
    case 'm.login.terms':
      return `<p>To go on, read and accept:</p>\n<ul>\n${policyLinks(stage.params)}</ul>\n${button('I accept')}`;
    case 'm.login.registration_token':
      return field('token', 'Registration token', 'autocomplete="off"') + button('Go on');
    case 'm.login.password':
    case 'm.login.sso':
      return (
        field('password', 'Your password', 'type="password" autocomplete="current-password"') +
        button('Go on')
      );
    case 'm.login.oauth2':
      return '';
    case 'm.login.token':
      return (
        field('user', 'User name', 'autocomplete="username"') +
        field('token', 'Login token', 'autocomplete="off"') +
        button('Go on')
      );
    case 'm.login.recaptcha':
      return `<div class="g-recaptcha" data-sitekey="${escapeHtml(String(stage.params?.public_key))}"></div>${button('Go on')}`;
    case 'm.login.email.identity':
      if (!proving)
        return (
          field('address', 'Mail address', 'type="email" autocomplete="email"') + button('Send me a mail')
        );
      return `${provingFields(proving)}<p>Open the link in the mail, then go on here.</p>${button('Go on')}`;
    case 'm.login.msisdn':
      if (proving)
        return (
          provingFields(proving) +
          field('code', 'Code', 'inputmode="numeric" autocomplete="one-time-code"') +
          button('Go on')
        );
      return (
        field('country', 'Country, such as GB', 'maxlength="2" autocomplete="country"') +
        field('address', 'Phone number', 'type="tel" autocomplete="tel"') +
        button('Send me a code')
      );
    default:
      return undefined;
  }
}

/** What a form says, as the stage takes it. */
export function authOf(type: string, fields: URLSearchParams, session: string): JsonObject {
  const text = (name: string) => fields.get(name) ?? '';
  switch (type) {
    case 'm.login.registration_token':
      return { type, token: text('token').trim() };
    case 'm.login.password':
    case 'm.login.sso':
      return { type, password: text('password') };
    case 'm.login.token':
      return { type, user: text('user').trim(), token: text('token').trim(), txn_id: session };
    case 'm.login.recaptcha':
      return { type, response: text('g-recaptcha-response') };
    case 'm.login.email.identity':
    case 'm.login.msisdn':
      return { type, threepid_creds: { sid: text('sid'), client_secret: text('client_secret') } };
    default:
      return { type };
  }
}

function button(label: string): string {
  return `<button>${escapeHtml(label)}</button>`;
}

function field(name: string, label: string, attributes: string): string {
  return `<label for="${name}">${escapeHtml(label)}</label>\n<input id="${name}" name="${name}" ${attributes} required>\n`;
}

function provingFields({ sid, clientSecret }: Proving): string {
  return hiddenFields({ sid, client_secret: clientSecret });
}

function policyLinks(params: JsonObject | undefined): string {
  const policies = isJsonObject(params?.policies) ? Object.values(params.policies) : [];
  const texts = policies.flatMap((policy) => (isJsonObject(policy) ? Object.entries(policy) : []));
  return texts
    .map(([language, text]) => {
      if (!isJsonObject(text)) return '';
      const { name, url } = text;
      return `<li><a href="${escapeHtml(String(url))}" hreflang="${escapeHtml(language)}" target="_blank" rel="noopener">${escapeHtml(String(name))}</a></li>\n`;
    })
    .join('');
}
