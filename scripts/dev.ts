import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../src/platform/config/load-config.ts';
import { startServer, type RunningServer } from '../src/server.ts';
import { TestAuthority } from '../src/testing/federation/certificates.ts';

/**
 * Two servers to try things on, which reach each other, with people and a room on each, kept in data/dev until somebody
 * deletes it.
 */

const SERVERS = [
  { federationPort: 8448, port: 8008, folder: 'data/dev/localhost-8448' },
  { federationPort: 8449, port: 8009, folder: 'data/dev/localhost-8449' },
];
const PEOPLE = ['alice', 'bob'];
const PASSWORD = 'correct horse';
const GREETINGS = ['Hello, is anybody here?', 'Yes, I am.', 'So it works.'];

type Answer = Readonly<Record<string, string>>;

/** Signs the certificates of both, anew with each start. */
const authority = new TestAuthority();
const running: RunningServer[] = [];
for (const { federationPort, port, folder } of SERVERS) {
  const name = `localhost:${federationPort}`;
  mkdirSync(folder, { recursive: true });
  const { certificate, key } = authority.issue('localhost', '127.0.0.1');
  const server = await startServer(
    loadConfig({
      env: {
        MYELIN_SERVER_NAME: name,
        MYELIN_LISTEN_PORT: String(port),
        MYELIN_DATA_DIR: folder,
        MYELIN_LOG_LEVEL: 'warn',
        MYELIN_LIMITS_ENABLED: 'false',
        MYELIN_FEDERATION_HOST: '127.0.0.1',
        MYELIN_FEDERATION_PORT: String(federationPort),
        MYELIN_FEDERATION_CERTIFICATE_FILE: fileOf(folder, 'certificate.pem', certificate),
        MYELIN_FEDERATION_PRIVATE_KEY_FILE: fileOf(folder, 'key.pem', key),
        MYELIN_OUTGOING_CA_FILE: fileOf(folder, 'authority.pem', authority.certificate),
        MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
      },
    }),
  );
  running.push(server);
  // Written last, so that a seeding that was broken off shows as an error and not as a half-empty server.
  const seeded = join(folder, 'seeded');
  if (!existsSync(seeded)) {
    await seed(server.url);
    writeFileSync(seeded, '');
  }
  const people = PEOPLE.map((person) => `@${person}:${name}`).join(', ');
  process.stdout.write(`${server.url}  ${people}  password: ${PASSWORD}\n`);
}
process.stdout.write(
  'Rooms of the one are joined from the other as #hall:localhost:8448 and #hall:localhost:8449.\n',
);
process.stdout.write('Ctrl-C stops both; delete data/dev to begin anew.\n');

let stopping: Promise<unknown> | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    stopping ??= Promise.all(running.map((server) => server.close())).then(() => process.exit(0));
  });
}

/** Writes a file that only the owner can read; gives its name. */
function fileOf(folder: string, name: string, content: string): string {
  const file = join(folder, name);
  writeFileSync(file, content, { mode: 0o600 });
  return file;
}

async function seed(url: string): Promise<void> {
  const tokens: string[] = [];
  for (const username of PEOPLE) {
    const auth = { type: 'm.login.dummy' };
    const made = await ask(url, 'POST', '/register', undefined, { username, password: PASSWORD, auth });
    tokens.push(made.access_token ?? '');
  }
  const [alice, bob] = tokens;
  const wishes = { name: 'The hall', preset: 'public_chat', room_alias_name: 'hall', visibility: 'public' };
  const room = encodeURIComponent((await ask(url, 'POST', '/createRoom', alice, wishes)).room_id ?? '');
  await ask(url, 'POST', `/join/${room}`, bob, {});
  for (const [i, body] of GREETINGS.entries()) {
    const sender = i % 2 === 0 ? alice : bob;
    await ask(url, 'PUT', `/rooms/${room}/send/m.room.message/seed${i}`, sender, { msgtype: 'm.text', body });
  }
}

async function ask(
  url: string,
  method: string,
  path: string,
  token: string | undefined,
  body: object,
): Promise<Answer> {
  const response = await fetch(`${url}/_matrix/client/v3${path}`, {
    method,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as Answer;
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}
