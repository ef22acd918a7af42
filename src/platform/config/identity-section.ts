import { Type } from 'typebox';
import { written } from './forms.ts';

/** The identity service. */
export const identitySection = Type.Object(
  {
    server_name: written('server name', {
      default: '',
      description:
        'Host, with a port if need be, by which clients and homeservers name the identity service. Empty: `server_name`.',
    }),
    policies: Type.Array(written('policy'), {
      default: [],
      description:
        'Documents that people agree to before they use it, written as in `terms.policies`. Empty: nothing to agree to.',
    }),
    plain_lookup: Type.Boolean({
      default: false,
      description: 'Whether addresses may also be looked up as they are (`none`), not only by their hash.',
    }),
    pepper_lifetime: Type.Integer({
      minimum: 60,
      maximum: 31_536_000,
      default: 86_400,
      description: 'Seconds after which the pepper of those hashes is replaced, when it is next asked for.',
    }),
    api_v1: Type.Boolean({
      default: true,
      description:
        'Whether it also answers as in 2015, on `/_matrix/identity/api/v1`: without tokens, and so without terms.',
    }),
    invite_client: written('web address', {
      default: 'https://app.element.io',
      description: 'Web client to which the mail of an invitation leads.',
    }),
  },
  { additionalProperties: false, description: 'The identity service, where `roles` has `identity`' },
);
