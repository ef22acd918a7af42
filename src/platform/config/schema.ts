import { Type, type Static } from 'typebox';
import { applicationServicesSection } from './application-services-section.ts';
import { written } from './forms.ts';
import { federationSection } from './federation-section.ts';
import { identitySection } from './identity-section.ts';
import { mediaSection } from './media-section.ts';
import { mailSection, outgoingSection } from './outgoing-section.ts';
import { callsSection, delayedEventsSection } from './calls-section.ts';
import { noticesSection } from './notices-section.ts';
import { pushSection } from './push-section.ts';
import { retentionSection } from './retention-section.ts';
import { ssoSection } from './sso-section.ts';
import { turnSection } from './turn-section.ts';
import { recaptchaSection, termsSection, threepidsSection } from './threepids-section.ts';

const port = (value: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: 65535, default: value, description });

/** Requests a second that a caller may make in the long run, and how many at once. */
const rate = (perSecond: number, burst: number, what: string) =>
  Type.Object(
    {
      per_second: Type.Number({
        exclusiveMinimum: 0,
        default: perSecond,
        description: `${what} a second, in the long run`,
      }),
      burst: Type.Integer({ minimum: 1, default: burst, description: `${what} at once` }),
    },
    { additionalProperties: false },
  );

/** Everything that can be configured: types, limits, defaults and descriptions in one place. */
export const ConfigSchema = Type.Object(
  {
    server_name: written('server name of users', {
      default: 'localhost',
      description: 'Name of the server: what stands after the colon in user IDs. Cannot be changed later.',
    }),
    public_base_url: written('web address', {
      default: '',
      description:
        'Address by which clients reach the server, such as `https://matrix.example.org`. Empty: not announced.',
    }),
    roles: Type.Array(
      Type.Union([Type.Literal('client'), Type.Literal('federation'), Type.Literal('identity')]),
      {
        minItems: 1,
        default: ['client', 'federation'],
        description:
          'What this process answers: `client` (clients and people), `federation` (other servers), `identity` (the identity ' +
          'service). The first two are the homeserver; `identity` alone needs no homeserver.',
      },
    ),
    data_dir: Type.String({
      minLength: 1,
      default: './data',
      description: 'Folder of the signing key and the embedded database. Made at the first start.',
    }),
    listen: Type.Object(
      {
        host: Type.String({
          minLength: 1,
          default: '127.0.0.1',
          description: 'Address to listen on; `0.0.0.0` for all.',
        }),
        port: port(8008, 'Port to listen on; 0 for any that is free.'),
        trust_proxy: Type.Boolean({
          default: false,
          description: 'Whether to believe X-Forwarded-For. Only behind a reverse proxy that sets it.',
        }),
      },
      { additionalProperties: false, description: 'Where to listen' },
    ),
    database: Type.Object(
      {
        engine: Type.Union([Type.Literal('sqlite'), Type.Literal('postgres')], {
          default: 'sqlite',
          description:
            '`sqlite`: embedded, in the data folder. `postgres`: as many processes as you like on one database.',
        }),
        url: written('database address', {
          default: '',
          description: 'PostgreSQL only: `postgres://user:password@host:port/database`.',
        }),
        pool_size: Type.Integer({
          minimum: 1,
          maximum: 200,
          default: 8,
          description:
            'PostgreSQL only: connections for reading. Two more are used for writing and listening.',
        }),
      },
      { additionalProperties: false, description: 'Where everything is kept' },
    ),
    registration: Type.Object(
      {
        enabled: Type.Boolean({ default: true, description: 'Whether people can make accounts themselves.' }),
        requires_token: Type.Boolean({
          default: false,
          description: 'Whether that takes one of the tokens below.',
        }),
        tokens: Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
          default: [],
          description: 'Registration tokens, valid for any number of registrations as long as they are here.',
        }),
        guests: Type.Boolean({
          default: false,
          description: 'Whether guests can use the server without an account.',
        }),
        shared_secret: Type.String({
          default: '',
          description:
            'Switches on registration by this secret on `/_synapse/admin/v1/register`. Empty: off.',
        }),
      },
      { additionalProperties: false, description: 'New accounts' },
    ),
    passwords: Type.Object(
      {
        memory_kib: Type.Integer({
          minimum: 8,
          maximum: 4_194_304,
          default: 12_288,
          description: 'Memory that hashing a password takes (Argon2id), in KiB.',
        }),
        iterations: Type.Integer({
          minimum: 1,
          maximum: 100,
          default: 3,
          description: 'Passes over that memory.',
        }),
        min_length: Type.Integer({
          minimum: 1,
          maximum: 512,
          default: 8,
          description: 'Characters that a new password must have.',
        }),
      },
      { additionalProperties: false, description: 'How long passwords are, and what it costs to check them' },
    ),
    sessions: Type.Object(
      {
        access_token_lifetime: Type.Integer({
          minimum: 1,
          maximum: 31_536_000,
          default: 3_600,
          description: 'Seconds that an access token with a refresh token is valid.',
        }),
      },
      { additionalProperties: false, description: 'Logged-in devices' },
    ),
    rooms: Type.Object(
      {
        default_version: Type.Union(
          Array.from({ length: 12 }, (_, i) => Type.Literal(String(i + 1))),
          { default: '12', description: 'Version of rooms for which none is asked.' },
        ),
      },
      { additionalProperties: false, description: 'New rooms' },
    ),
    presence: Type.Object(
      { enabled: Type.Boolean({ default: true, description: 'Whether people see who is online.' }) },
      { additionalProperties: false, description: 'Who is online' },
    ),
    limits: Type.Object(
      {
        enabled: Type.Boolean({ default: true, description: 'Whether callers are limited at all.' }),
        body_bytes: Type.Integer({
          minimum: 65_536,
          maximum: 104_857_600,
          default: 1_048_576,
          description: 'Largest body of a request, in bytes.',
        }),
        connections: Type.Integer({
          minimum: 16,
          maximum: 1_000_000,
          default: 20_000,
          description: 'Connections open at once on an address that is listened on; further ones are closed.',
        }),
        message: rate(10, 100, 'Events sent by a user'),
        join: rate(1, 20, 'Joins and knocks of a user'),
        invite: rate(1, 20, 'Invites by a user'),
        membership: rate(2, 50, 'Other membership changes by a user'),
        media: rate(5, 100, 'Uploads and link previews by a user'),
        fetched_media: rate(
          10,
          500,
          'Files of other servers that are not here yet, asked for by a user or, without an account, from an address,',
        ),
        create_room: rate(0.5, 20, 'Rooms made by a user'),
        registration: rate(0.2, 10, 'Registrations from an address'),
        login: rate(0.5, 20, 'Logins from an address'),
        token: rate(
          5,
          100,
          'Requests of an address for OAuth tokens, and for sessions of a sign-in by QR code,',
        ),
        identity: rate(5, 100, 'Requests of an address to the identity service'),
        lookup: rate(10, 10_000, 'Addresses and phone numbers that a user of the identity service looks up'),
        server: rate(200, 2_000, 'Requests by another server'),
        failed_login: rate(0.2, 10, 'Password checks of an account'),
      },
      { additionalProperties: false, description: 'How much a caller may ask for' },
    ),
    federation: federationSection,
    application_services: applicationServicesSection,
    outgoing: outgoingSection,
    mail: mailSection,
    threepids: threepidsSection,
    identity: identitySection,
    terms: termsSection,
    recaptcha: recaptchaSection,
    sso: ssoSection,
    media: mediaSection,
    turn: turnSection,
    calls: callsSection,
    delayed_events: delayedEventsSection,
    retention: retentionSection,
    server_notices: noticesSection,
    push: pushSection,
    well_known: Type.Object(
      {
        server: written('server name', {
          default: '',
          description:
            'Where other servers find this one, such as `matrix.example.org:443`, for `/.well-known/matrix/server`. Empty: not announced.',
        }),
        support_email: written('mail address', {
          default: '',
          description: 'Mail address of the administrator, for `/.well-known/matrix/support`.',
        }),
        support_matrix_id: written('user id', {
          default: '',
          description: 'Matrix ID of the administrator.',
        }),
        support_page: written('web address', { default: '', description: 'Address of a page with help.' }),
        map_style_url: written('web address', {
          default: '',
          description:
            'Style of the maps on which clients show places, for `/.well-known/matrix/client`. Empty: left to the clients.',
        }),
        policy_server_key: written('public key', {
          default: '',
          description:
            'Ed25519 public key (unpadded base64) of the policy server that goes by this server name, for `/.well-known/matrix/policy_server`.',
        }),
      },
      { additionalProperties: false, description: 'What the server tells about itself' },
    ),
    cache: Type.Object(
      {
        events_mib: Type.Integer({
          minimum: 1,
          maximum: 65_536,
          default: 24,
          description: 'Memory for events, in MiB.',
        }),
        state_mib: Type.Integer({
          minimum: 1,
          maximum: 65_536,
          default: 8,
          description: 'Memory for room states, in MiB.',
        }),
      },
      { additionalProperties: false, description: 'Memory that caches may take' },
    ),
    log: Type.Object(
      {
        level: Type.Union(
          ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].map((level) => Type.Literal(level)),
          {
            default: 'info',
            description: 'What is written to the log; `info` writes each request, without its query.',
          },
        ),
      },
      { additionalProperties: false, description: 'The log, JSON lines on standard output' },
    ),
    metrics: Type.Object(
      {
        enabled: Type.Boolean({ default: true, description: 'Whether `/metrics` answers (Prometheus).' }),
        token: Type.String({
          default: '',
          description:
            'What must be given as bearer token to read `/metrics`. Empty: anybody may who reaches it.',
        }),
      },
      { additionalProperties: false, description: 'Figures for monitoring' },
    ),
  },
  { additionalProperties: false },
);

export type Config = Static<typeof ConfigSchema>;
