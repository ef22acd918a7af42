import ipaddr from 'ipaddr.js';
import { Type } from 'typebox';
import { parseUserId } from '../../protocol/identifiers.ts';
import { isServerName } from '../../protocol/server-name.ts';
import {
  httpHostOf,
  isClientAddress,
  isPublicKey,
  isWebAddress,
  oldKeyOf,
  policyOf,
} from './written-entries.ts';

/** How a text has to be written. */
interface Form {
  /** In words, after "must be". */
  readonly words: string;
  readonly fits: (text: string) => boolean;
}

/** Of options that are more than a text. */
export const FORMS = {
  'web address': { words: 'an address with http:// or https://', fits: isWebAddress },
  'client address': {
    words: 'an address with http://, https:// or the scheme of an app',
    fits: isClientAddress,
  },
  'mail address': {
    words: 'a mail address such as admin@example.org',
    fits: (text) => /^[^\s@<>]+@[^\s@<>]+$/.test(text),
  },
  'user id': {
    words: 'a Matrix ID such as @admin:example.org',
    fits: (text) => parseUserId(text) !== undefined,
  },
  'public key': { words: 'an Ed25519 public key in unpadded base64', fits: isPublicKey },
  'mail server': {
    words: 'smtp://user:password@host:port, or with smtps://',
    fits: (text) => /^smtps?:\/\/[^\s/]/.test(text) && URL.canParse(text),
  },
  'database address': {
    words: 'postgres://user:password@host:port/database',
    // A host may be left out, or be the folder of a socket, which the standard of addresses does not know.
    fits: (text) =>
      /^(socket:|\/)/.test(text) ||
      (/^postgres(ql)?:\/\//.test(text) && URL.canParse(text.replace('@/', '@localhost/'))),
  },
  'server name': { words: 'host, host:port or [IPv6]:port', fits: isServerName },
  'server name of users': {
    words: 'host, host:port or [IPv6]:port, at most 230 characters',
    fits: (text) => text.length <= 230 && isServerName(text),
  },
  'http host': {
    words: 'host or host:port, without http://',
    fits: (text) => httpHostOf(text) !== undefined,
  },
  'address range': {
    words: 'a range of addresses such as 10.0.0.0/8 or fd00::/8',
    fits: (text) => ipaddr.isValidCIDR(text),
  },
  'old key': {
    words: 'ed25519:id public-key-in-base64 last-used-in-milliseconds',
    fits: (text) => oldKeyOf(text) !== undefined,
  },
  policy: {
    words: 'ID|version|language|title|address, with an address of http:// or https://',
    fits: (text) => policyOf(text) !== undefined,
  },
  moment: {
    words: 'a moment of UTC such as 2026-12-01T00:00:00Z',
    fits: (text) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) && !Number.isNaN(Date.parse(text)),
  },
  localpart: {
    words: '1 to 100 of a-z, 0-9 and . _ = / + -',
    fits: (text) => /^[a-z0-9._=/+-]{1,100}$/.test(text),
  },
  'provider id': {
    words: '1 to 100 of a-z, A-Z, 0-9 and . _ ~ -',
    fits: (text) => /^[a-zA-Z0-9._~-]{1,100}$/.test(text),
  },
} satisfies Readonly<Record<string, Form>>;

export type FormName = keyof typeof FORMS;

/** The schema of a text that has to be written in some form; it may be empty where that is its default. */
export function written(form: FormName, options: { default?: string; description?: string } = {}) {
  return Type.String({ ...options, form });
}
