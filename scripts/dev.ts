import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../src/platform/config/load-config.ts';
import { startServer, type RunningServer } from '../src/server.ts';

/** Two servers to try things on, with people and a room on each, kept in data/dev until somebody deletes it. */

const SERVERS = [
  { name: 'one.localhost:8448', port: 8008, folder: 'data/dev/one' },
  { name: 'two.localhost:8449', port: 8009, folder: 'data/dev/two' },
];
const PEOPLE = ['alice', 'bob'];
const PASSWORD = 'correct horse';
const GREETINGS = ['Hello, is anybody here?', 'Yes, I am.', 'So it works.'];

type Answer = Readonly<Record<string, string>>;

const running: RunningServer[] = [];
for (const { name, port, folder } of SERVERS) {
  mkdirSync(folder, { recursive: true });
  const server = await startServer(
    loadConfig({
      env: {
        MYELIN_SERVER_NAME: name,
        MYELIN_LISTEN_PORT: String(port),
        MYELIN_DATA_DIR: folder,
        MYELIN_LOG_LEVEL: 'warn',
        MYELIN_LIMITS_ENABLED: 'false',
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
process.stdout.write('Ctrl-C stops both; delete data/dev to begin anew.\n');

let stopping: Promise<unknown> | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    stopping ??= Promise.all(running.map((server) => server.close())).then(() => process.exit(0));
  });
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
