import { createRequire } from 'node:module';
import { mock } from 'node:test';

/** What the tests use of matrix-js-sdk 0.3.0, of October 2015, which has no types of its own. */
export interface OldClient {
  readonly credentials: { readonly userId: string };
  on(name: string, listener: (...event: never[]) => void): void;
  removeListener(name: string, listener: (...event: never[]) => void): void;
  login(type: string, data: object): Promise<{ access_token: string; user_id: string }>;
  register(
    name: string,
    password: string,
    session: undefined,
    auth: object,
  ): Promise<{ access_token: string; user_id: string }>;
  startClient(historyLength: number): void;
  stopClient(): void;
  createRoom(wishes: object): Promise<{ room_id: string; room_alias?: string }>;
  joinRoom(idOrAlias: string): Promise<OldRoom>;
  invite(roomId: string, userId: string): Promise<object>;
  leave(roomId: string): Promise<object>;
  kick(roomId: string, userId: string, reason: string): Promise<object>;
  sendTextMessage(roomId: string, text: string): Promise<{ event_id: string }>;
  redactEvent(roomId: string, eventId: string): Promise<{ event_id: string }>;
  setRoomName(roomId: string, name: string): Promise<object>;
  setDisplayName(name: string): Promise<object>;
  sendTyping(roomId: string, typing: boolean, timeoutMs: number): Promise<object>;
  getRoom(roomId: string): OldRoom | null;
  scrollback(room: OldRoom, limit: number): Promise<OldRoom>;
  roomState(roomId: string): Promise<object[]>;
  publicRooms(): Promise<{ chunk: { room_id: string; aliases: string[] }[] }>;
}

export interface OldRoom {
  readonly roomId: string;
  readonly name: string;
  readonly timeline: readonly OldEvent[];
  readonly currentState: { getStateEvents(type: string, key: string): OldEvent | undefined };
  getMember(userId: string): { name: string; membership: string; typing: boolean } | null;
}

export interface OldEvent {
  getId(): string;
  getType(): string;
  getSender(): string;
  getContent(): { body?: string; membership?: string; name?: string };
  getPrevContent(): { name?: string };
  isState(): boolean;
}

interface OldSdk {
  createClient(options: { baseUrl: string; accessToken?: string; userId?: string }): OldClient;
}

// It was written before Node.js warned of what it does, and it tells the console of every request.
const load = createRequire(import.meta.url);
for (const name of ['debug', 'log', 'info', 'warn', 'error'] as const)
  mock.method(console, name, () => undefined);
process.removeAllListeners('warning');

const sdk = load('matrix-js-sdk-2015') as OldSdk;

const PATIENCE_MS = 60_000;

/** An account, made as clients of then made one, and a client that has not been started. */
export async function oldPerson(baseUrl: string, name: string): Promise<OldClient> {
  const stranger = sdk.createClient({ baseUrl });
  const password = `${name} password`;
  await stranger.register(name, password, undefined, { type: 'm.login.dummy' });
  const session = await stranger.login('m.login.password', { user: name, password });
  return sdk.createClient({ baseUrl, accessToken: session.access_token, userId: session.user_id });
}

/** Starts a client with so many messages of each room. */
export async function start(client: OldClient, historyLength: number): Promise<void> {
  const synced = heard(client, 'syncComplete', () => true);
  client.startClient(historyLength);
  await synced;
}

/** Resolves when what a client tells of fulfils the condition. */
export function heard<Event extends unknown[]>(
  client: OldClient,
  name: string,
  holds: (...event: Event) => boolean,
): Promise<Event> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      client.removeListener(name, listener as never);
    };
    const timer = setTimeout(() => {
      end();
      reject(new Error(`The client never told of ${name}`));
    }, PATIENCE_MS);
    const listener = (...event: Event) => {
      if (!holds(...event)) return;
      end();
      resolve(event);
    };
    client.on(name, listener as never);
  });
}

/** What was said in a room, as far as the client knows. */
export function said(room: OldRoom | null): string[] {
  return (room?.timeline ?? []).flatMap((event) => event.getContent().body ?? []);
}
