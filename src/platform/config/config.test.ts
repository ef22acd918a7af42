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

test('variables that are named like options and are none are told, with what may be meant', () => {
  const env = { MYELIN_LISTEN_POTR: '1', MYELIN_SERVICE_HOST: 'x', MYELIN_LISTEN_PORT: '1', PATH: '/' };
  assert.deepEqual(strangeVariables(env), [
    'MYELIN_LISTEN_POTR: there is no such option, so it does nothing; did you mean MYELIN_LISTEN_PORT?',
    'MYELIN_SERVICE_HOST: there is no such option, so it does nothing',
  ]);
});

test('keys that every object has are no options, and a server name must be one', () => {
  for (const key of ['constructor', '__proto__', 'toString']) {
    assert.match(problemsOf(`${key}: 1\n`)[0] ?? '', /^FILE:1: .*there is no such key/);
  }
  assert.match(problemsOf('server_name: bad name!\n')[0] ?? '', /^server_name: must be host/);
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
