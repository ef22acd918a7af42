import type { Purpose } from './threepid-validation.ts';

const REASONS: Readonly<Record<Purpose, string>> = {
  add: 'add this address to your account',
  register: 'make an account with this address',
  password: 'set a new password for your account',
};

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
