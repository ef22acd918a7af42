import { Type } from 'typebox';
import { written } from './forms.ts';

const text = (description: string, fallback = '') => Type.String({ default: fallback, description });

/** One identity provider. */
const providerSchema = Type.Object(
  {
    id: written('provider id', { description: 'Identifies it; never change it.' }),
    name: Type.String({ minLength: 1, description: 'What people call it.' }),
    brand: text('Brand for the icon of clients, such as `github`.'),
    icon: text('Icon as `mxc://` URI.'),
    issuer: written('web address', {
      default: '',
      description: 'OpenID Connect: the issuer, from which all else is found.',
    }),
    authorization_endpoint: written('web address', {
      default: '',
      description: 'OAuth 2.0 without OpenID Connect: where people sign in.',
    }),
    token_endpoint: written('web address', {
      default: '',
      description: 'OAuth 2.0 without OpenID Connect: where codes are exchanged.',
    }),
    userinfo_endpoint: written('web address', {
      default: '',
      description: 'OAuth 2.0 without OpenID Connect: where one asks who somebody is.',
    }),
    client_id: Type.String({ minLength: 1, description: 'The ID that it gave to this server.' }),
    client_secret: text('The secret that goes with it.'),
    scopes: text('Scopes to ask for.', 'openid profile'),
    subject_claim: text('What identifies a person.', 'sub'),
    localpart_claim: text('What user names are made of.', 'preferred_username'),
    display_name_claim: text('What others see as the name of a new user.', 'name'),
    allow_new_users: Type.Boolean({ default: true, description: 'Whether it may bring new users.' }),
    link_by_name: Type.Boolean({
      default: false,
      description:
        'Whether a user who exists under the name is the same person. Only for names that nobody can choose.',
    }),
  },
  { additionalProperties: false },
);

/** Signing in by other services. */
export const ssoSection = Type.Object(
  {
    providers: Type.Array(providerSchema, {
      default: [],
      description:
        'Identity providers (OpenID Connect, or OAuth 2.0), each with `id`, `name`, `client_id`, `client_secret`, and ' +
        '`issuer` or `authorization_endpoint`, `token_endpoint` and `userinfo_endpoint`; and if need be `brand`, `icon`, ' +
        '`scopes`, `subject_claim`, `localpart_claim`, `display_name_claim`, `allow_new_users`, `link_by_name`. Their ' +
        'redirect URI is `/account/sso-callback` below the public address.',
    }),
    trusted_redirects: Type.Array(written('client address'), {
      default: [],
      description:
        'Addresses of clients to which people are sent back without being asked, such as `https://app.example.org/`: that ' +
        'and everything below it.',
    }),
  },
  { additionalProperties: false, description: 'Single sign-on' },
);
