import { pino } from 'pino';
import { loadConfig } from '../../platform/config/load-config.ts';
import { startServer, type RunningServer } from '../../server.ts';
import { AS_TOKEN, startAppservice, type TestAppservice } from './application-service.ts';
import type { Overrides } from '../../foundations.ts';
import { onBothEngines, type TestPlace } from '../server/engines.ts';
import { TestClient, type Answer } from '../client/test-client.ts';

/** An application service's client, acting as one of its users, from a device if one is named. */
export class Ghost extends TestClient {
  readonly #device: string | undefined;

  constructor(base: string, userId: string, device?: string) {
    super(base, AS_TOKEN);
    this.userId = userId;
    this.#device = device;
  }

  override ask(method: string, path: string, body?: unknown): Promise<Answer> {
    const query = new URLSearchParams({ user_id: this.userId });
    if (this.#device !== undefined) query.set('device_id', this.#device);
    return super.ask(method, `${path}${path.includes('?') ? '&' : '?'}${query.toString()}`, body);
  }
}

/** A server, an application service of it, people and users of the application service. */
export interface AppserviceScene {
  readonly service: TestAppservice;
  readonly bot: Ghost;
  url(): string;
  person(name: string): Promise<TestClient>;
  ghost(name: string, device?: string): Promise<Ghost>;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Starts another process's server on the same data, which stays until the test ends, and gives its address. */
  another(): Promise<string>;
}

/** Declares a test with a server that has an application service, on each engine. `more` changes the registration. */
export function withAppservice(
  title: string,
  run: (scene: AppserviceScene) => Promise<void>,
  more: object = {},
  options: { overrides?: Overrides; engines?: readonly TestPlace['engine'][] } = {},
): void {
  const test = async (place: TestPlace) => {
    const service = await startAppservice(more);
    const env = {
      ...place.env,
      MYELIN_LISTEN_PORT: '0',
      MYELIN_LIMITS_ENABLED: 'false',
      MYELIN_PASSWORDS_MEMORY_KIB: '8',
      MYELIN_PASSWORDS_ITERATIONS: '1',
      MYELIN_APPLICATION_SERVICES_FILES: service.file,
    };
    const begin = () =>
      startServer(loadConfig({ env }), {
        log: pino({ level: 'fatal' }, pino.destination(2)),
        ...options.overrides,
      });
    const others: RunningServer[] = [];
    let server: RunningServer | undefined = await begin();
    const url = () => server?.url ?? '';
    try {
      await run({
        service,
        url,
        bot: new Ghost(url(), '@ircbot:localhost'),
        person: (name) => new TestClient(url()).register(name),
        async ghost(name, device) {
          const wishes = { type: 'm.login.application_service', username: name, inhibit_login: true };
          await new TestClient(url(), AS_TOKEN).ok('POST', '/v3/register', wishes);
          return new Ghost(url(), `@${name}:localhost`, device);
        },
        async stop() {
          await server?.close();
          server = undefined;
        },
        async start() {
          server = await begin();
        },
        async another() {
          const other = await begin();
          others.push(other);
          return other.url;
        },
      });
    } finally {
      for (const other of others) await other.close();
      await server?.close();
      await service.close();
    }
  };
  onBothEngines(title, test, options.engines);
}
