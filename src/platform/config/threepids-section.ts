import { Type } from 'typebox';
import { written } from './forms.ts';

const need = (what: string) =>
  Type.Union([Type.Literal('off'), Type.Literal('optional'), Type.Literal('required')], {
    default: 'off',
    description: `Whether a registration takes ${what}: \`off\`, \`optional\` or \`required\`.`,
  });

/** Mail addresses and phone numbers of users. */
export const threepidsSection = Type.Object(
  {
    registration_email: need('a mail address that was proven'),
    registration_msisdn: need('a phone number that was proven'),
    allow_changes: Type.Boolean({
      default: true,
      description: 'Whether users may add and remove their addresses and phone numbers.',
    }),
    hide_existence: Type.Boolean({
      default: false,
      description:
        'Whether the server keeps to itself which addresses belong to accounts. No mail is sent where it would have refused.',
    }),
    allowed_emails: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description:
        'Mail addresses that are taken, with `*` for anything, such as `*@example.org`. Empty: all.',
    }),
    token_lifetime: Type.Integer({
      minimum: 60,
      maximum: 604_800,
      default: 86_400,
      description: 'Seconds in which a link of a mail or a code of a text message has to be used.',
    }),
    sms_url: written('web address', {
      default: '',
      description:
        'Gateway for text messages: gets `{"to": "+49…", "text": "…"}` by POST and answers 2xx, or 422 for a number to which it never sends. Empty: no phone numbers.',
    }),
    sms_token: Type.String({
      default: '',
      description: 'Sent to the gateway as `Authorization: Bearer …`. Empty: not sent.',
    }),
    trusted_identity_servers: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description:
        'Identity servers, as `host:port`, whose word is taken for it that somebody has an address, as in 2015. They could ' +
        'let anybody set the password of anybody.',
    }),
    plain_identity_servers: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description:
        'Identity servers, as `host:port`, that are asked over HTTP: only for some inside your network.',
    }),
  },
  { additionalProperties: false, description: 'Mail addresses and phone numbers of users' },
);

/** What people have to agree to and do before they can register. */
export const termsSection = Type.Object(
  {
    policies: Type.Array(written('policy'), {
      default: [],
      description:
        'Documents that people agree to when they register: `ID|version|language|title|address`, such as ' +
        '`privacy|1.0|en|Privacy policy|https://example.org/privacy`. One ID may come in several languages.',
    }),
  },
  { additionalProperties: false, description: 'Terms of service' },
);

/** A riddle for people who register. */
export const recaptchaSection = Type.Object(
  {
    site_key: Type.String({ default: '', description: 'Public key. Empty: no riddle.' }),
    secret: Type.String({ default: '', description: 'Secret key.' }),
    verify_url: written('web address', {
      default: 'https://www.google.com/recaptcha/api/siteverify',
      description: 'Address at which answers are checked.',
    }),
    script_url: written('web address', {
      default: 'https://www.google.com/recaptcha/api.js',
      description: 'Script of the riddle, for the page that clients fall back to.',
    }),
  },
  { additionalProperties: false, description: 'reCAPTCHA for registrations' },
);
