import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { configurationDocument, sampleConfiguration } from './document-config.ts';
import { loadConfig, strangeVariables } from './load-config.ts';
import { configOptions } from './options.ts';

function withFile<Result>(text: string, run: (file: string) => Result): Result {
  const folder = mkdtempSync(join(tmpdir(), 'myelin-config-'));
  const file = join(folder, 'myelin.yaml');
  writeFileSync(file, text);
  try {
    return run(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function problemsOf(text: string, env: Record<string, string> = {}): string[] {
  return withFile(text, (file) => {
    try {
      loadConfig({ file, env });
      return [];
    } catch (error) {
      return (error as Error).message.split('\n').map((line) => line.replace(file, 'FILE'));
    }
  });
}

test('without anything, everything has a default', () => {
  const config = loadConfig({ env: {} });
  assert.equal(config.server_name, 'localhost');
  assert.equal(config.listen.port, 8008);
  assert.equal(config.rooms.default_version, '12');
});

test('the environment wins over the file, the file over the defaults', () => {
  withFile('listen:\n  port: 9000\nserver_name: example.org\n', (file) => {
    const config = loadConfig({
      file,
      env: { MYELIN_LISTEN_PORT: '9001', MYELIN_REGISTRATION_TOKENS: 'a, b' },
    });
    assert.equal(config.listen.port, 9001);
    assert.equal(config.server_name, 'example.org');
    assert.deepEqual(config.registration.tokens, ['a', 'b']);
  });
});

test('what the file says once can be taken again by an alias', () => {
  const text =
    'limits:\n  message: &slow {per_second: 2, burst: 3}\n  join: *slow\nlisten: {port: &port 9000}\n' +
    'federation: {port: *port}\nregistration: {tokens: [&one a, *one]}\n';
  withFile(text, (file) => {
    const config = loadConfig({ file, env: {} });
    assert.deepEqual(config.limits.join, { per_second: 2, burst: 3 });
    assert.equal(config.federation.port, 9000);
    assert.deepEqual(config.registration.tokens, ['a', 'a']);
  });
  assert.deepEqual(problemsOf('listen: {host: &host here}\nlimits: *host\n').length, 1);
  assert.match(problemsOf('limits: &all\n  message: *all\n')[0] ?? '', /there is no such key/);
});

test('each mistake is named with its line and what is allowed', () => {
  const text = 'server_name: example.org\nlisten:\n  prt: 1\n  port: high\nlog:\n  level: loud\nrooms: 7\n';
  assert.deepEqual(problemsOf(text), [
    'FILE:3: listen.prt: there is no such key; did you mean "port"? allowed here: host, port, trust_proxy',
    'FILE:4: listen.port: must be a whole number from 0 to 65535',
    'FILE:6: log.level: must be one of trace, debug, info, warn, error, fatal, silent',
    'FILE:7: rooms: must be a section with default_version',
  ]);
  assert.match(problemsOf('a: [1\n')[0] ?? '', /^FILE:\d+: /);
  assert.deepEqual(problemsOf('- a\n'), ['FILE:1: the file must be a list of keys with values']);
  assert.deepEqual(problemsOf('', { MYELIN_LISTEN_PORT: 'x' }), [
    'MYELIN_LISTEN_PORT: must be a whole number from 0 to 65535',
  ]);
  assert.match(problemsOf('database:\n  engine: postgres\n')[0] ?? '', /database\.url/);
});

test('a key that is like none is not taken for a slip of one', () => {
  assert.match(problemsOf('bogus: 1\n')[0] ?? '', /^FILE:1: bogus: there is no such key; allowed here: /);
  assert.match(problemsOf('rolse: 1\n')[0] ?? '', /did you mean "roles"\?/);
  assert.match(problemsOf('servername: x\n')[0] ?? '', /did you mean "server_name"\?/);
});

test('variables that are named like options and are none are told, with what may be meant', () => {
  const env = { MYELIN_LISTEN_POTR: '1', MYELIN_SERVICE_HOST: 'x', MYELIN_LISTEN_PORT: '1', PATH: '/' };
  assert.deepEqual(strangeVariables(env), [
    'MYELIN_LISTEN_POTR: there is no such option, so it does nothing; did you mean MYELIN_LISTEN_PORT?',
    'MYELIN_SERVICE_HOST: there is no such option, so it does nothing',
  ]);
});

/** Settings that cannot work, with what is said of them. */
const WRONG: readonly (readonly [string, RegExp])[] = [
  [
    'federation:\n  old_keys: [foo]',
    /^FILE:2: federation.old_keys: .*ed25519:id public-key.*entry 1 is not$/,
  ],
  ['terms:\n  policies: [foo]', /^FILE:2: terms.policies: .*ID\|version\|language\|title\|address/],
  ['identity:\n  policies: ["a|1|en|A|ftp://x"]', /^FILE:2: identity.policies: .*http/],
  ['outgoing:\n  allowed_ranges: [10.0.0.0/8, 10.0.0.0/99]', /^FILE:2: .*10\.0\.0\.0\/8.*entry 2 is not$/],
  ['database:\n  engine: postgres\n  url: nonsense', /^FILE:3: database.url: must be postgres:\/\//],
  ['database:\n  engine: postgres\n  url: mysql://a', /^FILE:3: database.url: must be postgres:\/\//],
  ['database:\n  engine: postgres', /^database.url: must be given .*MYELIN_DATABASE_URL/],
  ['database:\n  engine: postgres\n  url: ""', /^FILE:3: database.url: must be given/],
  ['mail:\n  smtp_url: nonsense', /^FILE:2: mail.smtp_url: must be smtp:\/\/.*or empty$/],
  ['media:\n  store: s3', /^media.s3.bucket: must be given/],
  ['media:\n  store: s3\n  s3: {bucket: b, access_key_id: a}', /^media.s3.secret_access_key: must be given/],
  ['public_base_url: nonsense', /^FILE:1: public_base_url: must be an address with http/],
  ['well_known:\n  server: "https://x/"', /^FILE:2: well_known.server: must be host/],
  ['federation:\n  private_key_file: a', /^federation.certificate_file: must be given/],
  ['federation:\n  certificate_file: a', /^federation.private_key_file: must be given/],
  ['threepids:\n  registration_email: required', /^FILE:2: threepids.registration_email: .*mail.smtp_url/],
  ['threepids:\n  registration_msisdn: required', /^FILE:2: threepids.registration_msisdn: .*sms_url/],
  ['recaptcha:\n  site_key: a', /^recaptcha.secret: must be given/],
  ['turn:\n  uris: ["turn:a"]', /^turn.shared_secret: must be given/],
  ['turn:\n  uris: ["turn:a"]\n  username: a', /^turn.shared_secret: must be given/],
  ['federation:\n  retry_first: 5000', /: must be a number above 0, at most 3600$/],
  ['media:\n  freeze_unauthenticated_at: soon', /: must be a moment of UTC such as 2026/],
  ['server_notices:\n  localpart: A', /: must be 1 to 100 of a-z/],
  ['push:\n  plain_gateways: ["a:80", "http://a"]', /^FILE:2: .*host:port, without http.*entry 2 is not$/],
  ['listen:\n  host: ""', /^FILE:2: listen.host: must be a text of 1 to/],
  ['federation:\n  host: ""', /^FILE:2: federation.host: must be a text of 1 to/],
  ['roles: []', /^FILE:1: roles: must be a list of client, federation, identity, at least 1$/],
  ['registration:\n  tokens: [""]', /: must be a list, each a text of 1 to 64 characters; entry 1 is not$/],
  ['log: {}\n---\nlog: {}', /^FILE:2: a second document begins here; the file must hold one$/],
];

test('what cannot work is no right configuration, and is told with what is allowed', () => {
  for (const [text, said] of WRONG) {
    const problems = problemsOf(`${text}\n`);
    assert.equal(problems.length, 1, `${text}: ${problems.join()}`);
    assert.match(problems[0] ?? '', said);
  }
});

test('addresses and keys that the server tells others must be such', () => {
  const wellKnown = (entries: string) => problemsOf(`well_known: {${entries}}\n`);
  assert.deepEqual(
    wellKnown('support_email: nobody, support_matrix_id: admin, policy_server_key: a2V5, support_page: help'),
    [
      'FILE:1: well_known.support_email: must be a mail address such as admin@example.org; or empty',
      'FILE:1: well_known.support_matrix_id: must be a Matrix ID such as @admin:example.org; or empty',
      'FILE:1: well_known.policy_server_key: must be an Ed25519 public key in unpadded base64; or empty',
      'FILE:1: well_known.support_page: must be an address with http:// or https://; or empty',
    ],
  );
  const key = Buffer.alloc(32, 7).toString('base64');
  assert.equal(wellKnown(`policy_server_key: ${key}`).length, 1, 'padded');
  const right = `policy_server_key: ${key.replace('=', '')}, support_email: a@example.org, support_matrix_id: "@a:example.org"`;
  assert.deepEqual(wellKnown(right), []);
});

test('clients that are trusted must be named by whole addresses', () => {
  const trusting = (address: string) => problemsOf(`sso: {trusted_redirects: ["${address}"]}\n`);
  for (const one of ['app.example.org', 'app.example.org:8443', 'localhost:8080/app', 'https:app', '']) {
    assert.deepEqual(
      trusting(one),
      [
        'FILE:1: sso.trusted_redirects: must be a list, each an address with http://, https:// or the scheme of an app; entry 1 is not',
      ],
      one,
    );
  }
  for (const one of [
    'https://app.example.org/',
    'http://localhost:8080',
    'element://',
    'io.element.app:/callback',
  ]) {
    assert.deepEqual(trusting(one), [], one);
  }
});

test('what belongs together is right together', () => {
  for (const text of [
    'federation: {certificate_file: a, private_key_file: b}',
    'threepids: {registration_email: required}\nmail: {smtp_url: "smtp://a:b@mail.example.org:25"}',
    'media: {store: s3, s3: {bucket: b}}',
    'turn: {uris: ["turn:a"], username: a, password: b}',
    'database: {engine: postgres, url: "postgres://user@/db?host=/run/postgresql"}',
    'outgoing: {allowed_ranges: [10.0.0.0/8, "fd00::/8"]}',
  ])
    assert.deepEqual(problemsOf(`${text}\n`), []);
});

test('of the entries of a list it is told which key of which is wrong', () => {
  const entry = 'sso:\n  providers:\n    - id: a\n      name: A\n      client_id: c\n';
  assert.deepEqual(problemsOf(`${entry}      issuer: https://a.test\n`), []);
  assert.match(
    problemsOf(entry)[0] ?? '',
    /^FILE:2: sso.providers: a must have issuer, or authorization_end/,
  );
  assert.deepEqual(problemsOf(`${entry}      issuer: x\n      isuer: 1\n    - id: "!"\n      name: B\n`), [
    'FILE:7: sso.providers (entry 1): isuer: there is no such key; did you mean "issuer"? allowed here: id, name, brand, icon, issuer, authorization_endpoint, token_endpoint, userinfo_endpoint, client_id, client_secret, scopes, subject_claim, localpart_claim, display_name_claim, allow_new_users, link_by_name',
    'FILE:6: sso.providers (entry 1): issuer: must be an address with http:// or https://; or empty',
    'FILE:8: sso.providers (entry 2): client_id is missing: it must be a text of 1 to any number of characters',
    'FILE:8: sso.providers (entry 2): id: must be 1 to 100 of a-z, A-Z, 0-9 and . _ ~ -',
  ]);
  assert.match(
    problemsOf('', { MYELIN_SSO_PROVIDERS: '[{"id":"a","name":"A"}]' })[0] ?? '',
    /^MYELIN_SSO_PROVIDERS \(entry 1\): client_id is missing/,
  );
});

test('a row of the documented options has as many cells as the table', () => {
  const rows = configurationDocument()
    .split('\n')
    .filter((line) => line.startsWith('| '));
  for (const row of rows) assert.equal(row.split(/(?<!\\)\|/).length, 6, row);
});

test('keys that every object has are no options, and a server name must be one', () => {
  for (const key of ['constructor', '__proto__', 'toString']) {
    assert.match(problemsOf(`${key}: 1\n`)[0] ?? '', /^FILE:1: .*there is no such key/);
  }
  assert.match(problemsOf('server_name: bad name!\n')[0] ?? '', /^FILE:1: server_name: must be host/);
});

test('the sample file takes every server name', () => {
  for (const name of ['[2001:db8::1]:8448', '10', 'example.org:8448']) {
    withFile(sampleConfiguration(name), (file) =>
      assert.equal(loadConfig({ file, env: {} }).server_name, name),
    );
  }
});

test('a file that is not there is said so', () => {
  assert.throws(() => loadConfig({ file: '/nowhere/myelin.yaml', env: {} }), /cannot be read/);
});

test('the sample file is right and changes nothing', () => {
  withFile(sampleConfiguration('localhost'), (file) => {
    assert.deepEqual(loadConfig({ file, env: {} }), loadConfig({ env: {} }));
  });
});

test('every option is described and documented', () => {
  const document = configurationDocument();
  for (const { variable, schema, path } of configOptions()) {
    assert.ok((schema.description ?? '').length > 10, path.join('.'));
    assert.notEqual(schema.default, undefined, path.join('.'));
    assert.ok(document.includes(`\`${variable}\``), variable);
  }
});
