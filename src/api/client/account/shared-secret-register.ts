import { Type } from 'typebox';
import type { SharedSecretRegistration } from '../../../accounts/registration/shared-secret-registration.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import { sessionBody } from './session-body.ts';

const paths = ['/_synapse/admin/v1/register'];

/** Tools say in this way, too, that there is none. */
const orNull = Type.Optional(Type.Union([Type.String(), Type.Null()]));

/** GET /_synapse/admin/v1/register: a nonce. It costs nothing, so that only registrations count as such. */
export const sharedSecretNonce = endpoint(
  { id: 'sharedSecretNonce', method: 'GET', paths, auth: 'none' },
  (needs: { sharedSecret: SharedSecretRegistration }) => ({ nonce: needs.sharedSecret.nonce() }),
);

/** POST /_synapse/admin/v1/register */
export const sharedSecretRegister = endpoint(
  {
    id: 'sharedSecretRegister',
    method: 'POST',
    paths,
    auth: 'none',
    limit: 'registration',
    body: Type.Object({
      nonce: Type.String(),
      username: Type.String(),
      password: Type.String(),
      displayname: orNull,
      admin: Type.Optional(Type.Boolean()),
      user_type: orNull,
      mac: Type.String(),
    }),
  },
  async (needs: { sharedSecret: SharedSecretRegistration }, request) => {
    const {
      nonce,
      username,
      password,
      admin,
      displayname: displayName,
      user_type: userType,
      mac,
    } = request.body;
    const asked = {
      ...{ nonce, username, password, mac },
      admin: admin ?? false,
      displayName: displayName ?? undefined,
      userType: userType ?? undefined,
    };
    return sessionBody(await needs.sharedSecret.register(asked));
  },
);
