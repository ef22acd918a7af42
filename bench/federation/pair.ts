import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAuthority } from '../../src/testing/federation/certificates.ts';
import { freePort, ownServer } from '../servers/own-server.ts';
import { scriptedServer } from '../servers/scripted-server.ts';
import type { Server } from '../servers/server.ts';

/** Two servers of one kind that reach each other over TLS on loopback. */
export interface ServerPair {
  readonly a: Server;
  readonly b: Server;
  /** Signs certificates that both trust; undefined where it is not ours. */
  readonly authority: TestAuthority | undefined;
  dispose(): Promise<void>;
}

/** Two of this project's servers on SQLite, each in a process of its own. */
export async function ownPair(processor: number | undefined): Promise<ServerPair> {
  const authority = new TestAuthority();
  const folder = mkdtempSync(join(tmpdir(), 'bench-certificates-'));
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const { certificate, key } = authority.issue('localhost', '127.0.0.1');
  const settings = {
    MYELIN_FEDERATION_HOST: '127.0.0.1',
    MYELIN_FEDERATION_CERTIFICATE_FILE: file('certificate.pem', certificate),
    MYELIN_FEDERATION_PRIVATE_KEY_FILE: file('key.pem', key),
    MYELIN_OUTGOING_CA_FILE: file('authority.pem', authority.certificate),
    MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
  };
  const one = async () => {
    const port = await freePort();
    const own = { MYELIN_SERVER_NAME: `localhost:${port}`, MYELIN_FEDERATION_PORT: String(port) };
    return ownServer({ name: 'sqlite' }, processor, { ...settings, ...own });
  };
  const [a, b] = [await one(), await one()];
  return {
    ...{ a, b, authority },
    async dispose() {
      await Promise.all([a.dispose(), b.dispose()]);
      rmSync(folder, { recursive: true });
    },
  };
}

/** Two servers behind a script that tells them apart by the environment variable `INST`, 1 or 2. */
export function scriptedPair(command: string, processor: number | undefined): ServerPair {
  const one = (instance: string) => scriptedServer(command, processor, { INST: instance, FED: '1' });
  const [a, b] = [one('1'), one('2')];
  return {
    ...{ a, b, authority: undefined },
    async dispose() {
      await Promise.all([a.dispose(), b.dispose()]);
    },
  };
}

/** Both as one: what they use is added up, and requests go to the first. */
export function together({ a, b }: ServerPair): Server {
  return {
    ...a,
    description: `two of these: ${a.description}`,
    processes: () => [...a.processes(), ...b.processes()],
    databaseProcesses: () => [...new Set([...a.databaseProcesses(), ...b.databaseProcesses()])],
    async start(hash) {
      await a.start(hash);
      await b.start(hash);
    },
    async stop() {
      await Promise.all([a.stop(), b.stop()]);
    },
    lastWords: () => `${a.lastWords()}\n${b.lastWords()}`,
    async diskBytes() {
      const [one, other] = [await a.diskBytes(), await b.diskBytes()];
      return one === undefined || other === undefined ? undefined : one + other;
    },
    dispose: () => Promise.resolve(),
  };
}
