import { Type } from 'typebox';
import { written } from './forms.ts';

/** Other servers. */
export const federationSection = Type.Object(
  {
    enabled: Type.Boolean({
      default: true,
      description: 'Whether rooms are shared with other servers.',
    }),
    host: Type.String({
      minLength: 1,
      default: '0.0.0.0',
      description: 'Address on which other servers are answered over TLS.',
    }),
    port: Type.Integer({
      minimum: 0,
      maximum: 65535,
      default: 8448,
      description: 'Port on which other servers are answered over TLS; 0 for any that is free.',
    }),
    certificate_file: Type.String({
      default: '',
      description:
        'Certificate chain (PEM) for that address. Read again when it changes. Empty: no TLS here; a reverse proxy passes other servers on to `listen`.',
    }),
    private_key_file: Type.String({ default: '', description: 'Private key (PEM) of the certificate.' }),
    present_certificate: Type.Boolean({
      default: false,
      description:
        'Whether this server shows its certificate to the servers that it asks. Some reverse proxies refuse certificates of clients.',
    }),
    check_certificates: Type.Boolean({
      default: false,
      description:
        'Whether servers that ask are in turn asked for a certificate, over TLS here: one that they show must be that of the server that signed the request.',
    }),
    trusted_key_servers: Type.Array(written('server name'), {
      default: [],
      description: 'Servers that are asked for the keys of servers that cannot be reached themselves.',
    }),
    old_keys: Type.Array(written('old key'), {
      default: [],
      description:
        'Keys that this server signed with before, each as `ed25519:id public-key-in-base64 last-used-in-milliseconds`.',
    }),
    retry_first: Type.Number({
      exclusiveMinimum: 0,
      maximum: 3_600,
      default: 5,
      description: 'Seconds until a server that did not answer is tried again; each failure doubles them.',
    }),
    retry_longest: Type.Number({
      exclusiveMinimum: 0,
      maximum: 604_800,
      default: 3_600,
      description: 'The most seconds until then.',
    }),
  },
  { additionalProperties: false, description: 'Other servers' },
);
