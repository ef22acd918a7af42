import type { Purpose } from './threepid-validation.ts';

const REASONS: Readonly<Record<Purpose, string>> = {
  add: 'add this address to your account',
  register: 'make an account with this address',
  password: 'set a new password for your account',
  'login-code': 'log in to your account',
  'login-link': 'log in to your account',
  bind: 'let others find you by this address',
};

/** The mail with a code that somebody types where they log in. */
export function codeMail(facts: { serverName: string; code: string }): { subject: string; text: string } {
  return {
    subject: `${facts.serverName}: your code`,
    text: `Hello,

somebody, hopefully you, asked ${facts.serverName} to log in to your account.
The code is ${facts.code}.

If it was not you, do nothing, and give the code to nobody.
`,
  };
}

/** The mail by which somebody shows that they read what is sent to an address. */
export function validationMail(
  purpose: Purpose,
  facts: { serverName: string; link: string },
): { subject: string; text: string } {
  const reason = REASONS[purpose];
  return {
    subject: `${facts.serverName}: confirm your address`,
    text: `Hello,

somebody, hopefully you, asked ${facts.serverName} to ${reason}.
Open this page to go on:

${facts.link}

If it was not you, do nothing.
`,
  };
}
