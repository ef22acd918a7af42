import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigError, loadConfig } from './platform/config/load-config.ts';
import { startServer } from './server.ts';
import { TestAuthority } from './testing/federation/certificates.ts';
import { FAST } from './testing/server/test-server.ts';
import { assertFilesUsable } from './usable-files.ts';

async function inFolder(run: (file: (name: string) => string) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'myelin-files-'));
  try {
    const { certificate, key } = new TestAuthority().issue('localhost');
    const { key: another } = new TestAuthority().issue('localhost');
    for (const [name, text] of Object.entries({ certificate, key, another, broken: 'broken' }))
      writeFileSync(join(folder, name), text);
    await run((name) => join(folder, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

void test('of each file that cannot be used it is said in which option it is and why', () =>
  inFolder((file) => {
    const problems = (env: Record<string, string>): string => {
      try {
        assertFilesUsable(loadConfig({ env: { MYELIN_DATA_DIR: file('data'), ...env } }));
        return '';
      } catch (error) {
        assert.ok(error instanceof ConfigError);
        return error.message;
      }
    };
    const pair = (certificate: string, key: string) =>
      problems({
        MYELIN_FEDERATION_CERTIFICATE_FILE: file(certificate),
        MYELIN_FEDERATION_PRIVATE_KEY_FILE: file(key),
      });
    const ofKey = 'federation.private_key_file';
    const ofCertificate = 'federation.certificate_file';
    assert.equal(pair('certificate', 'key'), '');
    assert.equal(pair('certificate', 'none'), `${ofKey}: ${file('none')}: there is no such file`);
    assert.equal(pair('none', 'key'), `${ofCertificate}: ${file('none')}: there is no such file`);
    assert.equal(pair('broken', 'key'), `${ofCertificate}: ${file('broken')}: must be PEM`);
    assert.equal(pair('certificate', 'broken'), `${ofKey}: ${file('broken')}: must be PEM`);
    const cipher = { cipher: 'aes-256-cbc', passphrase: 'secret' };
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(file('locked'), privateKey.export({ type: 'pkcs8', format: 'pem', ...cipher }));
    const locked = `${ofKey}: ${file('locked')}: is locked with a passphrase: it must be without one`;
    assert.equal(pair('certificate', 'locked'), locked);
    const alien = `${ofKey}: ${file('another')}: is not the key of the certificate`;
    assert.equal(pair('certificate', 'another'), alien);
    const authorities = (name: string) => problems({ MYELIN_OUTGOING_CA_FILE: file(name) });
    assert.equal(authorities('certificate'), '');
    assert.equal(authorities('none'), `outgoing.ca_file: ${file('none')}: there is no such file`);
    assert.equal(authorities('broken'), `outgoing.ca_file: ${file('broken')}: must be PEM`);
    const services = problems({ MYELIN_APPLICATION_SERVICES_FILES: file('none') });
    assert.ok(services.startsWith(`application_services.files: ${file('none')}: `), services);
    assert.equal(
      problems({ MYELIN_DATA_DIR: file('key') }),
      `data_dir: ${file('key')}: must be a folder, or nothing yet`,
    );
    assert.equal(
      problems({ MYELIN_DATA_DIR: file('key/below/it') }),
      `data_dir: ${file('key')}: must be a folder, or nothing yet`,
    );
    mkdirSync(file('data'));
    writeFileSync(file('data/media'), '');
    assert.equal(problems({}), `data_dir: ${file('data/media')}: must be a folder, or nothing yet`);
    rmSync(file('data/media'));
    writeFileSync(file('data/signing.key'), 'ed25519 a c2hvcnQ\n');
    const short = problems({});
    assert.ok(
      short.startsWith(`data_dir: ${file('data/signing.key')} is not a signing key: The seed`),
      short,
    );
  }));

void test('a server that cannot start names the option or the file', () =>
  inFolder(async (file) => {
    const start = (env: Record<string, string>) =>
      startServer(loadConfig({ env: { ...FAST, MYELIN_DATA_DIR: file('data'), ...env } }));
    mkdirSync(file('data'));
    writeFileSync(file('data/myelin.db'), 'no database'.repeat(100));
    const damaged = { message: `data_dir: ${file('data/myelin.db')}: file is not a database` };
    await assert.rejects(start({}), damaged);
    await assert.rejects(
      start({ MYELIN_DATABASE_ENGINE: 'postgres', MYELIN_DATABASE_URL: 'postgres://127.0.0.1:1/none' }),
      /^Error: database\.url: connect ECONNREFUSED/,
    );
    await assert.rejects(
      start({ MYELIN_OUTGOING_CA_FILE: file('broken') }),
      /^ConfigError: outgoing\.ca_file: /,
    );
  }));
