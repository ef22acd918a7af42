import { DatabaseProxy } from '../../storage/testing/database-proxy.ts';
import { WatchedDatabase } from '../../storage/watched-database.ts';
import { TestClient, type Answer } from '../client/test-client.ts';
import { onServers, type TestServer } from './test-server.ts';

/** Two processes on one PostgreSQL. */
export interface TwoProcesses extends TestServer {
  /** The same person at the second process. */
  there(person: TestClient): TestClient;
  /** What the second process is made of. */
  readonly otherServices: TestServer['server']['services'];
  /**
   * Does something at the first process, and then asks the second one, which gets no notice before it was about to
   * refuse, has decided what to write, waits for notices, or has answered. Gives its answer.
   */
  unheard(act: () => Promise<unknown>, ask: () => Promise<Answer>): Promise<Answer>;
  /** From now on the second process gets no notices. Gives what lets them through again. */
  deafen(): () => void;
}

/** Declares a test for two processes, the second of which gets notices when the test lets it. */
export function onTwoProcesses(title: string, run: (processes: TwoProcesses) => Promise<void>): void {
  onServers(
    title,
    async (s) => {
      const proxy = await DatabaseProxy.start(String(s.place.env.MYELIN_DATABASE_URL));
      const other = await s.another({ MYELIN_DATABASE_URL: proxy.url });
      const there = (person: TestClient) => {
        const client = new TestClient(other.url, person.token);
        client.userId = person.userId;
        return client;
      };
      const deafen = () => {
        const [listener] = proxy.listening;
        listener?.hold();
        return () => listener?.release();
      };
      const unheard: TwoProcesses['unheard'] = async (act, ask) => {
        const hear = deafen();
        await act();
        const { decided, end } = watchForDecision();
        const answer = ask();
        await Promise.race([answer, decided]);
        end();
        hear();
        return answer;
      };
      try {
        await run({ ...s, there, otherServices: other.services, unheard, deafen });
      } finally {
        await other.close();
        proxy.stop();
      }
    },
    { engines: ['postgres'] },
  );
}

/** Resolves when any process hands something over to be committed, or asks to be told of what others committed. */
function watchForDecision(): { decided: Promise<void>; end: () => void } {
  const { promise: decided, resolve } = Promise.withResolvers<void>();
  const { prototype } = WatchedDatabase;
  const methods = ['commit', 'caughtUp'].map(
    (name) => [name, Object.getOwnPropertyDescriptor(prototype, name) ?? {}] as const,
  );
  for (const [name, method] of methods) {
    const act = method.value as (this: WatchedDatabase, ...given: unknown[]) => unknown;
    const value = function (this: WatchedDatabase, ...given: unknown[]) {
      resolve();
      return act.apply(this, given);
    };
    Object.defineProperty(prototype, name, { ...method, value });
  }
  const end = () => {
    for (const [name, method] of methods) Object.defineProperty(prototype, name, method);
  };
  return { decided, end };
}
