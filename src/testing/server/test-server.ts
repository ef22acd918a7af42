import { pino } from 'pino';
import { loadConfig } from '../../platform/config/load-config.ts';
import { startServer, type RunningServer } from '../../server.ts';
import type { Overrides } from '../../foundations.ts';
import { assertContractKept, takeBreaches } from '../contract/checked-traffic.ts';
import { onBothEngines, type TestPlace } from './engines.ts';
import { TestClient } from '../client/test-client.ts';

/** A running server and people for it. */
export interface TestServer {
  readonly server: RunningServer;
  readonly place: TestPlace;
  /** A registered person. */
  person(name: string): Promise<TestClient>;
  /** Somebody without an account. */
  anonymous(): TestClient;
  /** Stops the server and starts it again on the same data, with other settings, if any are given. */
  restart(settings?: Readonly<Record<string, string>>): Promise<void>;
  /** Another process's server on the same data, until the test ends; on SQLite, which knows only one, the server itself. */
  another(settings?: Readonly<Record<string, string>>): Promise<RunningServer>;
}

/** Settings that make tests fast: no rate limits, cheap password hashes. */
export const FAST = {
  MYELIN_LISTEN_PORT: '0',
  MYELIN_LIMITS_ENABLED: 'false',
  MYELIN_PASSWORDS_MEMORY_KIB: '8',
  MYELIN_PASSWORDS_ITERATIONS: '1',
};

/**
 * Declares a test against a real server, on each engine. Whatever passes between server and clients meanwhile must be as
 * the specification's schemas say.
 */
export function onServers(
  title: string,
  run: (server: TestServer) => Promise<void>,
  options: {
    env?: Record<string, string>;
    overrides?: Overrides;
    engines?: readonly TestPlace['engine'][];
  } = {},
): void {
  onBothEngines(
    title,
    async (place) => {
      const start = (settings: Readonly<Record<string, string>> = {}) =>
        startServer(loadConfig({ env: { ...FAST, ...place.env, ...options.env, ...settings } }), {
          log: pino({ level: 'error' }, pino.destination(2)),
          ...options.overrides,
        });
      takeBreaches();
      let server = await start();
      const others: RunningServer[] = [];
      try {
        await run({
          get server() {
            return server;
          },
          place,
          person: (name) => new TestClient(server.url).register(name),
          anonymous: () => new TestClient(server.url),
          restart: async (settings) => {
            await server.close();
            server = await start(settings);
          },
          another: async (settings) => {
            if (place.engine === 'sqlite') return server;
            const other = await start(settings);
            others.push(other);
            return other;
          },
        });
      } finally {
        for (const other of others) await other.close();
        await server.close();
      }
      assertContractKept();
    },
    options.engines,
  );
}
