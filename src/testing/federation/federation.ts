import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { loadConfig } from '../../platform/config/load-config.ts';
import { serverName, type ServerName } from '../../protocol/identifiers.ts';
import { startServer, type RunningServer } from '../../server.ts';
import type { Overrides } from '../../foundations.ts';
import { TestAuthority } from './certificates.ts';
import { ENGINES, makePlace, type TestPlace } from '../server/engines.ts';
import { freePort } from '../server/free-port.ts';
import { RemoteServer } from './remote-server.ts';
import { startProcess, type ServerProcess } from '../server/server-process.ts';
import { TestClient } from '../client/test-client.ts';
import { FAST } from '../server/test-server.ts';

/** One of several servers that know each other. */
export interface FederatingServer {
  /** Such as `localhost:40123`. */
  readonly name: ServerName;
  readonly server: RunningServer;
  readonly place: TestPlace;
  /** A registered person. */
  person(name: string): Promise<TestClient>;
  /** Whoever has an access token: after a restart, the server has another address for clients. */
  client(token: string | undefined): TestClient;
  /** Another process's server on the same data, until the test ends; on SQLite, which knows only one, the server itself. */
  another(): Promise<RunningServer>;
  /** The server as a process of its own on the same data, until it is killed or the test ends. */
  startProcess(): Promise<ServerProcess>;
  /** Stops the server; it answers nothing until it is started again. */
  stop(): Promise<void>;
  /** Puts another certificate into its files, and gives it; nobody tells the server. */
  changeCertificate(): string;
  /** Puts something else than a certificate there. */
  breakCertificate(): void;
  /** Starts it again on the same data, under the same name. */
  start(): Promise<void>;
}

/** The servers of a test. */
export interface TestFederation {
  readonly a: FederatingServer;
  readonly b: FederatingServer;
  /** There only if the test asks for three. */
  readonly c: FederatingServer;
  /** An identity server by itself, which the others trust; there only if the test asks for one. */
  readonly identity: FederatingServer;
  /** Signs the certificates of all of them. */
  readonly authority: TestAuthority;
  /** Starts a server that answers as the test says; it is there until the test ends. */
  readonly startRemote: () => Promise<RemoteServer>;
}

type Settings = Readonly<Record<string, string>>;

interface Options {
  readonly servers?: 1 | 2 | 3;
  /** Settings of each server; or what gives them, told the names of those that were started before. */
  readonly env?: Settings | ((before: readonly ServerName[]) => Settings);
  /** Settings of an identity server, if there is to be one. */
  readonly identity?: Readonly<Record<string, string>>;
  readonly overrides?: Overrides;
  /** Both by default. */
  readonly engines?: readonly TestPlace['engine'][];
}

/**
 * Declares a test with servers that reach each other over TLS on loopback, once on each engine. A server that does not
 * answer is tried again almost at once.
 */
export function onFederation(
  title: string,
  run: (federation: TestFederation) => Promise<void>,
  options: Options = {},
): void {
  const { engines = ENGINES } = options;
  for (const engine of ENGINES.filter((one) => engines.includes(one))) {
    void test(`${title} (${engine})`, async () => {
      const authority = new TestAuthority();
      const servers: Member[] = [];
      const remotes: RemoteServer[] = [];
      const startRemote = async () => {
        const remote = await RemoteServer.start(authority);
        remotes.push(remote);
        return remote;
      };
      try {
        const add = async (env: Settings) => {
          const { overrides } = options;
          const member = await Member.create(await makePlace(engine), authority, { env, overrides });
          servers.push(member);
          return member;
        };
        const alone = { ...options.identity, MYELIN_ROLES: 'identity' };
        const identity = options.identity && (await add(alone));
        const trust = identity && { MYELIN_THREEPIDS_TRUSTED_IDENTITY_SERVERS: identity.name };
        const names = ['a', 'b', 'c'].slice(0, options.servers ?? 2);
        const members: Record<string, Member> = {};
        for (const name of names) {
          const { env = {} } = options;
          const own = typeof env === 'function' ? env(servers.map((one) => one.name)) : env;
          members[name] = await add({ ...trust, ...own });
        }
        await run({
          ...(members as Record<'a' | 'b' | 'c', Member>),
          identity: identity as Member,
          authority,
          startRemote,
        });
      } finally {
        for (const remote of remotes) await remote.close();
        for (const server of servers) await server.remove();
      }
    });
  }
}

interface MemberOptions {
  readonly env: Settings;
  readonly overrides: Overrides | undefined;
}

class Member implements FederatingServer {
  readonly name: ServerName;
  readonly place: TestPlace;
  readonly #authority: TestAuthority;
  readonly #folder: string;
  readonly #env: Settings;
  readonly #overrides: Overrides;
  readonly #others: RunningServer[] = [];
  readonly #processes: ServerProcess[] = [];
  #server: RunningServer | undefined;

  static async create(place: TestPlace, authority: TestAuthority, options: MemberOptions): Promise<Member> {
    const member = new Member(place, await freePort(), authority, options);
    await member.start();
    return member;
  }

  private constructor(place: TestPlace, port: number, authority: TestAuthority, options: MemberOptions) {
    this.name = serverName(`localhost:${port}`);
    this.place = place;
    this.#authority = authority;
    this.#folder = mkdtempSync(join(tmpdir(), 'myelin-certificates-'));
    this.changeCertificate();
    writeFileSync(this.#file('authority.pem'), authority.certificate);
    this.#env = {
      ...FAST,
      ...place.env,
      MYELIN_SERVER_NAME: this.name,
      MYELIN_FEDERATION_HOST: '127.0.0.1',
      MYELIN_FEDERATION_PORT: String(port),
      MYELIN_FEDERATION_CERTIFICATE_FILE: this.#file('certificate.pem'),
      MYELIN_FEDERATION_PRIVATE_KEY_FILE: this.#file('key.pem'),
      MYELIN_FEDERATION_RETRY_FIRST: '0.1',
      MYELIN_FEDERATION_RETRY_LONGEST: '1',
      MYELIN_OUTGOING_CA_FILE: this.#file('authority.pem'),
      MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
      ...options.env,
    };
    this.#overrides = options.overrides ?? {};
  }

  get server(): RunningServer {
    if (!this.#server) throw new Error(`${this.name} was stopped`);
    return this.#server;
  }

  person(name: string): Promise<TestClient> {
    return new TestClient(this.server.url).register(name);
  }

  client(token: string | undefined): TestClient {
    return new TestClient(this.server.url, token);
  }

  changeCertificate(): string {
    const { certificate, key } = this.#authority.issue('localhost', '127.0.0.1');
    writeFileSync(this.#file('certificate.pem'), certificate);
    writeFileSync(this.#file('key.pem'), key);
    return certificate;
  }

  breakCertificate(): void {
    writeFileSync(this.#file('certificate.pem'), 'broken');
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }

  async start(): Promise<void> {
    this.#server = await this.#run(this.#env);
  }

  async another(): Promise<RunningServer> {
    if (this.place.engine === 'sqlite') return this.server;
    const other = await this.#run({ ...this.#env, MYELIN_FEDERATION_PORT: '0' });
    this.#others.push(other);
    return other;
  }

  async startProcess(): Promise<ServerProcess> {
    // Where the server runs here, too, the port of its name is taken.
    const port: Settings = this.#server ? { MYELIN_FEDERATION_PORT: '0' } : {};
    const started = await startProcess(this.#folder, { ...this.#env, ...port });
    this.#processes.push(started);
    return started;
  }

  #run(env: Settings): Promise<RunningServer> {
    return startServer(loadConfig({ env }), {
      log: pino({ level: 'error' }, pino.destination(2)),
      ...this.#overrides,
    });
  }

  async stop(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  async remove(): Promise<void> {
    for (const one of this.#processes) await one.kill();
    for (const other of this.#others) await other.close();
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
    await this.place.remove();
  }
}
