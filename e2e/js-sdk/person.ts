import { mock } from 'node:test';
import { ClientEvent, createClient, type MatrixClient, MatrixEventEvent, SyncState } from 'matrix-js-sdk';
import { CryptoEvent } from 'matrix-js-sdk/lib/crypto-api/index.js';
import type { Logger } from 'matrix-js-sdk/lib/logger.js';

/** What a client program keeps of a log-in. */
export interface Login {
  readonly userId: string;
  readonly deviceId: string;
  readonly accessToken: string;
}

/** The recovery key that a person wrote down. */
export interface KeySafe {
  recoveryKey: Uint8Array<ArrayBuffer> | undefined;
}

/** After each of these a client may see the world differently. */
const EVENTS = [ClientEvent.Sync, MatrixEventEvent.Decrypted, CryptoEvent.DevicesUpdated] as const;

const PATIENCE_MS = 30_000;

const LONG_MS = 60_000;

/** Turns of the event loop without a request after which a client has nothing more to ask. */
const CALM_TURNS = 50;
const CALM_WITHIN_MS = 5_000;

const say = () => undefined;
/** A log that nobody reads. */
export const quiet: Logger = {
  trace: say,
  debug: say,
  info: say,
  warn: say,
  error: say,
  getChild: () => quiet,
};
for (const name of ['trace', 'debug', 'log', 'info', 'warn'] as const) mock.method(console, name, say);

// The SDK never clears the time limits of its sync requests: they must not keep the test's process alive.
const startTimer = globalThis.setTimeout;
mock.method(
  globalThis,
  'setTimeout',
  (run: (...given: unknown[]) => void, ms?: number, ...given: unknown[]) => {
    const timer = startTimer(run, ms, ...given);
    return ms !== undefined && ms >= LONG_MS ? timer.unref() : timer;
  },
);

/** Makes an account. */
export async function register(baseUrl: string, username: string): Promise<Login> {
  const answer = await createClient({ baseUrl, logger: quiet }).registerRequest({
    username,
    password: `${username} password`,
    auth: { type: 'm.login.dummy' },
  });
  const { user_id: userId, device_id: deviceId, access_token: accessToken } = answer;
  if (deviceId === undefined || accessToken === undefined) throw new Error('No device came of registering');
  return { userId, deviceId, accessToken };
}

/** A freshly started client program of somebody who logged in before; resolves after its first sync. */
export async function open(baseUrl: string, login: Login): Promise<MatrixClient> {
  const client = createClient({ baseUrl, ...login, logger: quiet });
  return start(client);
}

/** A client program with end-to-end encryption, which keeps its keys in memory. Resolves after its first sync. */
export async function openEncrypted(baseUrl: string, login: Login, safe: KeySafe): Promise<MatrixClient> {
  const { fetchFn, quietened } = countedFetch();
  const client = createClient({
    baseUrl,
    ...login,
    logger: quiet,
    fetchFn,
    cryptoCallbacks: {
      getSecretStorageKey: ({ keys }) => {
        const [keyId] = Object.keys(keys);
        return Promise.resolve(keyId && safe.recoveryKey ? [keyId, safe.recoveryKey] : null);
      },
    },
  });
  await client.initRustCrypto({ useIndexedDB: false });
  requestsEnded.set(client, quietened);
  return start(client);
}

/** Ends a client with encryption once it waits for nothing but its sync: work it has begun fails when its keys are gone. */
export async function closeEncrypted(client: MatrixClient): Promise<void> {
  await requestsEnded.get(client)?.();
  client.stopClient();
}

/** How to wait until a client has no request under way, by client. */
const requestsEnded = new WeakMap<MatrixClient, () => Promise<void>>();

/** A `fetch` that knows whether a request is under way, and a wait for a moment in which none is and none follows. */
function countedFetch(): { fetchFn: typeof fetch; quietened: () => Promise<void> } {
  const underWay = new Set<Promise<Response>>();
  const fetchFn: typeof fetch = (input, init) => {
    const answer = fetch(input, init);
    const isSync = (input instanceof Request ? input.url : String(input)).includes('/sync?');
    if (!isSync) {
      underWay.add(answer);
      const forget = () => underWay.delete(answer);
      answer.then(forget, forget);
    }
    return answer;
  };
  const quietened = async () => {
    const latest = performance.now() + CALM_WITHIN_MS;
    for (let calm = 0; calm < CALM_TURNS && performance.now() < latest; calm++) {
      if (underWay.size > 0) calm = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { fetchFn, quietened };
}

/** Logs in on a new device. */
export async function logIn(baseUrl: string, username: string): Promise<Login> {
  const client = createClient({ baseUrl, logger: quiet });
  const answer = await client.loginRequest({
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: username },
    password: `${username} password`,
  });
  return { userId: answer.user_id, deviceId: answer.device_id, accessToken: answer.access_token };
}

async function start(client: MatrixClient): Promise<MatrixClient> {
  await client.startClient({ lazyLoadMembers: true, initialSyncLimit: 50, pollTimeout: 5_000 });
  const synced = [SyncState.Prepared, SyncState.Syncing];
  await until(client, 'its first sync', () => synced.includes(client.getSyncState() ?? SyncState.Error));
  return client;
}

/** What a client comes to. Throws an error that says `failure` after half a minute. */
export async function within<T>(failure: string, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const giveUp = setTimeout(() => reject(new Error(failure)), PATIENCE_MS);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(giveUp);
  }
}

/**
 * Waits, sync answer by sync answer, until the client's own picture of the world is so; gives what it then sees.
 *
 * @throws Error naming what was waited for, after half a minute.
 */
export async function until<T>(
  client: MatrixClient,
  what: string,
  see: () => T | null | undefined | false | Promise<T | null | undefined | false>,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const look = async () => {
    const seen = await see();
    if (seen !== null && seen !== undefined && seen !== false) resolve(seen);
  };
  const lookAgain = () => void look().catch(reject);
  for (const event of EVENTS) client.on(event, lookAgain);
  lookAgain();
  try {
    return await within(`${String(client.getUserId())} never saw ${what}`, promise);
  } finally {
    for (const event of EVENTS) client.off(event, lookAgain);
  }
}
