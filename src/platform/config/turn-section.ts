import { Type } from 'typebox';

/** Servers that relay calls. */
export const turnSection = Type.Object(
  {
    uris: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: 'Addresses of TURN servers, such as `turn:turn.example.org?transport=udp`. Empty: none.',
    }),
    shared_secret: Type.String({
      default: '',
      description: 'Secret that the TURN server shares (`static-auth-secret` of coturn).',
    }),
    user_lifetime: Type.Integer({
      minimum: 60,
      maximum: 604_800,
      default: 3_600,
      description: 'Seconds that credentials are valid.',
    }),
    username: Type.String({
      default: '',
      description: 'User name for everybody, for TURN servers without a shared secret.',
    }),
    password: Type.String({ default: '', description: 'Password that goes with the user name.' }),
  },
  { additionalProperties: false, description: 'Relays for calls' },
);
