import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { TestAuthority } from './testing/federation/certificates.ts';
import { bodies, TestClient, type Json } from './testing/client/test-client.ts';
import { onBothEngines } from './testing/server/engines.ts';
import { onServers } from './testing/server/test-server.ts';

const MAIN = new URL('./main.ts', import.meta.url).pathname;
const FLAGS = ['--disable-warning=ExperimentalWarning', MAIN];
/** What a run of all tests sets for itself, of which a server says that there are no such options. */
const OF_THE_TEST_RUN = /^MYELIN_(TEST_|EXERCISED)/;
const CHEAP = { MYELIN_PASSWORDS_MEMORY_KIB: '8', MYELIN_PASSWORDS_ITERATIONS: '1', MYELIN_LISTEN_PORT: '0' };

async function inFolder(run: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'myelin-main-'));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function myelin(
  folder: string,
  args: string[],
  input = '',
  settings: Readonly<Record<string, string>> = {},
): { status: number | null; out: string; err: string } {
  const inherited = Object.entries(process.env).filter(([name]) => !OF_THE_TEST_RUN.test(name));
  const env = { ...Object.fromEntries(inherited), ...CHEAP, ...settings };
  const { status, stdout, stderr } = spawnSync(process.execPath, [...FLAGS, ...args], {
    cwd: folder,
    env,
    input,
    timeout: 20_000,
  });
  return { status, out: stdout.toString(), err: stderr.toString() };
}

test('the program is packed into one file, once for each state of the source, or run from the source', async () => {
  const packer = new URL('../bin/packed-program.js', import.meta.url);
  const { packedProgram } = (await import(packer.href)) as {
    packedProgram: (root: string, cache: string) => Promise<string>;
  };
  const root = join(import.meta.dirname, '..');
  await inFolder(async (folder) => {
    const file = await packedProgram(root, folder);
    assert.match(file, /main\.cjs$/);
    const made = statSync(file).mtimeMs;
    assert.equal(await packedProgram(root, folder), file);
    assert.equal(statSync(file).mtimeMs, made, 'what is there is not made again');
    const { status, stdout } = spawnSync(process.execPath, [file, 'config', 'check'], { cwd: folder });
    assert.equal(status, 0, stdout.toString());
    const elsewhere = await packedProgram(root, join(folder, 'nowhere'));
    assert.equal(elsewhere, join(root, 'src', 'main.ts'));
  });
});

test('a server runs as the packed program', async () => {
  await inFolder(async (folder) => {
    const starter = new URL('../bin/myelin-server.js', import.meta.url).pathname;
    const server = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', starter, 'serve'], {
      cwd: folder,
      env: { ...process.env, ...CHEAP },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    const ended = once(server, 'exit');
    let words = '';
    for await (const chunk of server.stderr) {
      words += String(chunk);
      const url = /http:\/\/localhost:\d+/.exec(words)?.[0].replace('localhost', '127.0.0.1');
      if (url === undefined) continue;
      const answer = await fetch(`${url}/_matrix/client/versions`);
      assert.equal(answer.status, 200);
      break;
    }
    server.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null], words);
  });
});

test('a server that npm started stops when npm is told to', () =>
  inFolder(async (folder) => {
    const npm = spawn('npm', ['start'], {
      cwd: join(import.meta.dirname, '..'),
      env: { ...process.env, ...CHEAP, MYELIN_DATA_DIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let words = '';
    npm.stdout.on('data', (chunk: Buffer) => (words += chunk.toString()));
    // It ends when nobody has it open any more, the server among them.
    const closed = once(npm.stderr, 'close');
    const url = await new Promise<string>((resolve) => {
      npm.stderr.on('data', (chunk: Buffer) => {
        words += chunk.toString();
        const found = /on (http:\/\/localhost:\d+)/.exec(words)?.[1];
        if (found !== undefined && words.includes('data:')) resolve(found.replace('localhost', '127.0.0.1'));
      });
    });
    try {
      assert.equal((await fetch(`${url}/health`)).status, 200);
      npm.kill('SIGTERM');
      const patience = AbortSignal.timeout(60_000);
      const late = once(patience, 'abort').then(() => 'goes on');
      assert.notEqual(await Promise.race([closed, late]), 'goes on', 'the server goes on without npm');
      await assert.rejects(fetch(`${url}/health`));
    } finally {
      endGroup(npm.pid);
    }
  }));

/** Ends what is left of the processes that one began. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch (error) {
    assert.equal((error as { code?: unknown }).code, 'ESRCH');
  }
}

test(
  'a server whose log cannot be written goes on without it, and says so once',
  { skip: !existsSync('/dev/full') },
  () =>
    inFolder(async (folder) => {
      const full = openSync('/dev/full', 'w');
      const server = spawn(process.execPath, [...FLAGS, 'serve'], {
        cwd: folder,
        env: { ...process.env, ...CHEAP },
        stdio: ['ignore', full, 'pipe'],
      });
      closeSync(full);
      const ended = once(server, 'exit');
      let said = '';
      const hears = (part: string) =>
        new Promise<void>((resolve, reject) => {
          const look = () => said.includes(part) && resolve();
          look();
          server.stderr?.on('data', look);
          void ended.then(() => reject(new Error(`The server ended: ${said}`)));
        });
      server.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
      await hears('data:');
      const url = /on (http:\S+)/.exec(said)?.[1] ?? '';
      const complaint = hears('The log cannot be written: ENOSPC');
      assert.equal((await fetch(`${url}/health`)).status, 200);
      await complaint;
      for (let i = 0; i < 200; i++) await (await fetch(`${url}/health`)).text();
      server.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null], said);
      assert.equal(said.split('The log cannot be written').length, 2, said);
    }),
);

test('each command has its help', () =>
  inFolder((folder) => {
    for (const command of [
      'serve',
      'init',
      'config check',
      'backup',
      'user create',
      'user password',
      'user deactivate',
    ]) {
      const { status, out } = myelin(folder, [...command.split(' '), '--help']);
      assert.equal(status, 0);
      assert.ok(out.startsWith(`myelin ${command}`), command);
    }
    assert.equal(myelin(folder, []).status, 0);
  }));

test('the version is said', () =>
  inFolder((folder) => {
    const { status, out } = myelin(folder, ['--version']);
    assert.deepEqual([status, /^myelin \d+\.\d+\.\d+\n$/.test(out)], [0, true], out);
  }));

test('what is no command, or too much for one, is refused', () =>
  inFolder((folder) => {
    const unknown = myelin(folder, ['user', 'dance']);
    assert.deepEqual([unknown.status, unknown.err], [2, 'There is no command "user dance"\n\n']);
    for (const surplus of [
      ['config', 'check', 'myelin.yaml'],
      ['user', 'create', 'alice', 'bob'],
      ['backup', 'here', 'there'],
    ]) {
      const { status, err } = myelin(folder, surplus);
      assert.deepEqual([status, err.startsWith(`"${surplus.at(-1)}" is too much here`)], [1, true], err);
    }
    for (const [args, said] of [
      [['serve', '--nonsense'], '--nonsense is no option; see "myelin serve --help"\n'],
      [['user', 'create', 'alice', '--bogus=1'], '--bogus is no option; see "myelin user create --help"\n'],
      [['-x'], '-x is no option; see "myelin --help"\n'],
      [['serve', '--version'], '--version is no option of "myelin serve"'],
      [
        ['serve', '--server-name', 'x'],
        '--server-name is no option of "myelin serve", which takes --roles, --con',
      ],
      [
        ['user', 'deactivate', 'alice', '--admin'],
        '--admin is no option of "myelin user deactivate", which takes',
      ],
      [
        ['config', 'check', '--roles', 'client'],
        '--roles is no option of "myelin config check", which takes',
      ],
      [['init', '--server-name', 'bad name!'], '--server-name must be host, host:port or [IPv6]:port'],
    ] as const) {
      const { status, err } = myelin(folder, [...args]);
      assert.deepEqual([status, err.startsWith(said)], [1, true], err);
    }
    assert.deepEqual(readdirSync(folder), []);
  }));

test('in a folder without a server, passwords and accounts are not looked for in a new one', () =>
  inFolder((folder) => {
    for (const args of [
      ['password', 'alice', '--password', 'a good password'],
      ['deactivate', 'alice'],
    ]) {
      const { status, err } = myelin(folder, ['user', ...args]);
      assert.deepEqual([status, err.includes(join(folder, 'data', 'myelin.db'))], [1, true], err);
    }
    assert.deepEqual(readdirSync(folder), []);
  }));

test('init writes a file once, config check reads it', () =>
  inFolder((folder) => {
    assert.equal(myelin(folder, ['init', '--server-name', 'example.org']).status, 0);
    assert.match(readFileSync(join(folder, 'myelin.yaml'), 'utf8'), /^server_name: example.org$/m);
    const nowhere = myelin(folder, ['init', '--config', 'nowhere/myelin.yaml']);
    const missing = join(folder, 'nowhere');
    assert.deepEqual(
      [nowhere.status, nowhere.err],
      [1, `--config: there is no folder ${missing} to write nowhere/myelin.yaml into\n`],
    );
    const again = myelin(folder, ['init']);
    assert.deepEqual([again.status, again.err], [1, 'myelin.yaml is there already and stays as it is\n']);
    assert.equal(myelin(folder, ['config', 'check']).status, 0);
    process.env.MYELIN_LISTEN_POTR = '1';
    const strange = myelin(folder, ['config', 'check']);
    delete process.env.MYELIN_LISTEN_POTR;
    assert.deepEqual(
      [strange.status, /^MYELIN_LISTEN_POTR: .*MYELIN_LISTEN_PORT\?$/m.test(strange.err)],
      [0, true],
    );
    writeFileSync(join(folder, 'files.yaml'), 'outgoing: {ca_file: nowhere.pem}\n');
    const files = myelin(folder, ['config', 'check', '--config', 'files.yaml']);
    assert.deepEqual(
      [files.status, files.err],
      [1, 'outgoing.ca_file: nowhere.pem: there is no such file\n'],
    );
    const wrong = myelin(folder, ['config', 'check', '--config', 'nowhere.yaml']);
    assert.equal(wrong.status, 1);
    assert.match(wrong.err, /nowhere\.yaml/);
  }));

test('config check names what a server starts with and that will hardly be meant', () =>
  inFolder((folder) => {
    const check = (settings: Record<string, string>) => myelin(folder, ['config', 'check'], '', settings);
    const told =
      'registration.tokens: there are none, and registration.requires_token is set: nobody can register\n';
    const tokens = { MYELIN_REGISTRATION_REQUIRES_TOKEN: 'true' };
    assert.deepEqual(check(tokens), { status: 0, out: 'The configuration is right.\n', err: told });
    assert.equal(check({ ...tokens, MYELIN_REGISTRATION_TOKENS: 'one' }).err, '');
    assert.equal(check({ ...tokens, MYELIN_REGISTRATION_ENABLED: 'false' }).err, '');
    const certified = (days: number): string => {
      const { certificate, key } = new TestAuthority({ days }).issue('localhost');
      writeFileSync(join(folder, 'certificate.pem'), certificate);
      writeFileSync(join(folder, 'key.pem'), key);
      const { status, err } = check({
        MYELIN_FEDERATION_CERTIFICATE_FILE: 'certificate.pem',
        MYELIN_FEDERATION_PRIVATE_KEY_FILE: 'key.pem',
      });
      assert.equal(status, 0, err);
      return err;
    };
    assert.equal(certified(30), '');
    assert.match(certified(10), /^federation\.certificate_file: certificate\.pem: expires soon, at 2.*Z\n$/);
    assert.match(certified(-0.5), /^federation\.certificate_file: certificate\.pem: expired at 2.*Z: /);
  }));

test('what cannot start says why and ends', () =>
  inFolder(async (folder) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const port = String((taken.address() as AddressInfo).port);
    const { certificate, key } = new TestAuthority().issue('localhost');
    writeFileSync(join(folder, 'certificate.pem'), certificate);
    writeFileSync(join(folder, 'key.pem'), key);
    const forServers = {
      MYELIN_FEDERATION_HOST: '127.0.0.1',
      MYELIN_FEDERATION_PORT: port,
      MYELIN_FEDERATION_CERTIFICATE_FILE: 'certificate.pem',
      MYELIN_FEDERATION_PRIVATE_KEY_FILE: 'key.pem',
    };
    for (const settings of [{ MYELIN_LISTEN_PORT: port }, forServers]) {
      const server = spawn(process.execPath, [...FLAGS, 'serve'], {
        cwd: folder,
        env: { ...process.env, ...CHEAP, ...settings },
        timeout: 60_000,
      });
      let said = '';
      server.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
      const [code, signal] = (await once(server, 'exit')) as [number | null, string | null];
      assert.deepEqual([code, signal], [1, null]);
      assert.match(said, /^(listen|federation)\.port: listen EADDRINUSE/m);
    }
    taken.close();
    writeFileSync(join(folder, 'data', 'signing.key'), 'broken');
    const user = myelin(folder, ['user', 'create', 'alice', '--password', 'a good password']);
    assert.deepEqual([user.status, /signing\.key/.test(user.err)], [1, true]);
  }));

const NO_FOLDER = 'a server whose data folder cannot be made says so and ends';
if (existsSync('/proc/self'))
  onBothEngines(NO_FOLDER, (place) =>
    inFolder((folder) => {
      const { status, err } = myelin(folder, ['serve'], '', {
        ...place.env,
        MYELIN_DATA_DIR: '/proc/nowhere/data',
      });
      const said = /^data_dir: .*the folder \/proc\/nowhere cannot be made$/;
      assert.equal(status, 1, err);
      assert.match(err.trimEnd().split('\n').at(-1) ?? '', said);
    }),
  );
else test(NO_FOLDER, (context) => context.skip('there is no /proc'));

test('accounts are made, changed and closed, and the server runs and stops', () =>
  inFolder(async (folder) => {
    const made = myelin(folder, ['user', 'create', 'alice', '--admin'], 'a good password\n');
    assert.equal(made.status, 0, made.err);
    assert.match(made.out, /@alice:localhost, an administrator/);
    assert.ok(made.out.includes(`The data is in ${join(folder, 'data')}\n`), made.out);
    assert.equal(myelin(folder, ['user', 'create', 'alice', '--password', 'a good password']).status, 1);
    const ofServer = myelin(folder, ['user', 'create', '_server', '--password', 'a good password']);
    assert.deepEqual([ofServer.status, /is the server itself/.test(ofServer.err)], [1, true], ofServer.err);
    const foreign = myelin(folder, ['user', 'create', '@bob:example.org', '--password', 'a good password']);
    assert.deepEqual(
      [foreign.status, foreign.err],
      [1, '@bob:example.org is not a user of this server, which is localhost\n'],
    );
    const none = myelin(folder, ['user', 'create', 'bob']);
    assert.deepEqual([none.status, /There is no password/.test(none.err)], [1, true], none.err);
    assert.equal(myelin(folder, ['user', 'password', 'alice', '--password', 'another password']).status, 0);
    for (const name of ['', 'signing.key', 'myelin.db']) {
      assert.equal(statSync(join(folder, 'data', name)).mode & 0o077, 0, `data/${name} is for nobody else`);
    }
    const server = spawn(process.execPath, [...FLAGS, 'serve'], {
      cwd: folder,
      env: { ...process.env, ...CHEAP },
    });
    const url = await new Promise<string>((resolve) => {
      let text = '';
      server.stderr.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        const match = /on (http:\S+)/.exec(text);
        if (match?.[1] && text.includes('data:')) resolve(match[1]);
      });
    });
    const login = (password: string) =>
      fetch(`${url}/_matrix/client/v3/login`, {
        method: 'POST',
        body: JSON.stringify({
          type: 'm.login.password',
          identifier: { type: 'm.id.user', user: 'alice' },
          password,
        }),
      });
    const second = myelin(folder, ['serve']);
    assert.deepEqual([second.status, /Another server uses/.test(second.err)], [1, true], second.err);
    assert.equal((await login('a good password')).status, 403);
    const session = await login('another password');
    assert.equal(session.status, 200);
    const alice = new TestClient(url, ((await session.json()) as Json).access_token);
    const { next_batch: since } = await alice.sync();
    const waiting = alice.ask('GET', `/v3/sync?since=${since}&timeout=600000`);
    while (!/myelin_waiting_syncs 1\n/.test(await (await fetch(`${url}/metrics`)).text()));
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGTERM');
    const { status, body } = await waiting;
    assert.deepEqual([status, body.next_batch], [200, since], 'a sync that waits is answered');
    assert.equal(await ended, 0);
    assert.equal(myelin(folder, ['user', 'deactivate', 'alice']).status, 0);
    assert.equal(myelin(folder, ['user', 'deactivate', 'alice']).status, 1);
  }));

test('how the first account is made is said at each start until there is one', () =>
  inFolder(async (folder) => {
    const begins = async (...options: string[]) => {
      const env = { ...process.env, ...CHEAP };
      const server = spawn(process.execPath, [...FLAGS, 'serve', ...options], { cwd: folder, env });
      const ended = once(server, 'exit');
      let said = '';
      await new Promise<void>((resolve, reject) => {
        server.stderr.on('data', (chunk: Buffer) => {
          said += chunk.toString();
          if (said.includes('data:')) resolve();
        });
        void ended.then(() => reject(new Error(`The server ended: ${said}`)));
      });
      server.kill('SIGTERM');
      await ended;
      return said;
    };
    assert.match(await begins(), /first account: +npx myelin user create alice --admin\n/);
    writeFileSync(join(folder, 'my other.yaml'), 'data_dir: other\n');
    assert.match(
      await begins('--config', 'my other.yaml'),
      /create alice --admin --config 'my other.yaml'\n/,
    );
    const made = myelin(folder, ['user', 'create', 'alice', '--password', 'a good password']);
    assert.equal(made.status, 0, made.err);
    assert.doesNotMatch(await begins(), /first account/);
  }));

test('the command line waits while somebody else writes, and copies a server that stands still', () =>
  inFolder(async (folder) => {
    assert.equal(myelin(folder, ['user', 'create', 'alice'], 'a long password\n').status, 0);
    const writer = new DatabaseSync(join(folder, 'data', 'myelin.db'));
    writer.exec('BEGIN IMMEDIATE');
    const env = { ...process.env, ...CHEAP };
    const command = spawn(process.execPath, [...FLAGS, 'user', 'create', 'bob'], { cwd: folder, env });
    const ended = once(command, 'exit');
    command.stdin.end('another password\n');
    await setTimeout(1_500);
    assert.equal(command.exitCode, null);
    writer.exec('ROLLBACK');
    writer.close();
    assert.deepEqual(await ended, [0, null]);

    const { status, out } = myelin(folder, ['backup', 'copy']);
    assert.deepEqual([status, out.endsWith('with 0 files of media.\n')], [0, true], out);
    const again = myelin(folder, ['backup', 'copy']);
    assert.deepEqual([again.status, /already: name a new folder/.test(again.err)], [1, true], again.err);
    const copy = new DatabaseSync(join(folder, 'copy', 'myelin.db'));
    assert.equal(copy.prepare("SELECT count(*) AS n FROM users WHERE user_id LIKE '@bob:%'").get()?.n, 1);
    copy.close();
  }));

test('serve takes the roles of the process', () =>
  inFolder(async (folder) => {
    const wrong = myelin(folder, ['serve', '--roles', 'client,dancing']);
    assert.equal(wrong.status, 1);
    assert.match(wrong.err, /^--roles: must be a list of client, federation, identity/);
    const server = spawn(process.execPath, [...FLAGS, 'serve', '--roles', 'identity'], {
      cwd: folder,
      env: { ...process.env, ...CHEAP },
    });
    const begun = await new Promise<string>((resolve) => {
      let text = '';
      server.stderr.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes('data:')) resolve(text);
      });
    });
    assert.match(begun, /roles: +identity\n/);
    assert.ok(!begun.includes('user create'));
    const url = /on (http:\S+)/.exec(begun)?.[1] ?? '';
    assert.equal((await fetch(`${url}/_matrix/identity/v2`)).status, 200);
    assert.equal((await fetch(`${url}/_matrix/client/versions`)).status, 404);
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  }));

onServers(
  'a running server notices what the command line does to its database',
  async ({ server, place, person }) => {
    const alice = await person('alice');
    const room = await alice.createRoom();
    await alice.ok('GET', '/v3/account/whoami');
    const env = { ...process.env, ...CHEAP, ...place.env };
    const command = spawn(process.execPath, [...FLAGS, 'user', 'password', 'alice'], { env });
    command.stdin.end('another password\n');
    const [status] = (await once(command, 'exit')) as [number];
    assert.equal(status, 0);
    const begun = performance.now();
    while ((await alice.ask('GET', '/v3/account/whoami')).status !== 401) {
      assert.ok(performance.now() - begun < 60_000, 'the old token is still taken');
    }
    const again = new TestClient(server.url);
    const identifier = { type: 'm.id.user', user: 'alice' };
    const login = { type: 'm.login.password', identifier, password: 'another password' };
    again.token = (await again.ok('POST', '/v3/login', login)).access_token;
    await again.say(room, 'the log goes on');
    const { rooms } = await again.sync();
    assert.deepEqual(bodies(rooms.join[room].timeline.events), ['the log goes on']);
  },
);
