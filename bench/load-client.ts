import { Pool } from 'undici';

/** A request fails after this time. Longer than any long poll here. */
const REQUEST_TIMEOUT_MS = 60_000;

/** More connections than any scenario has requests under way. */
const CONNECTIONS = 512;

/** One account with the access token of one device. */
export interface BenchUser {
  readonly name: string;
  readonly id: string;
  readonly deviceId: string;
  readonly token: string;
  readonly password: string;
}

export interface SyncAnswer {
  readonly text: string;
  readonly nextBatch: string;
}

/** The server answered with something other than success. */
export class UnexpectedAnswer extends Error {
  readonly status: number;
  readonly body: string;

  constructor(request: string, status: number, body: string) {
    super(`${request}: ${status} ${body.slice(0, 200)}`);
    this.name = 'UnexpectedAnswer';
    this.status = status;
    this.body = body;
  }
}

/** Timelines long enough that a burst of messages is not cut off. */
const LONG_TIMELINES = encodeURIComponent('{"room":{"timeline":{"limit":100}}}');

/** The part of the client-server API that the scenarios use, over kept connections, parsing no more than they need. */
export class LoadClient {
  readonly #pool: Pool;
  readonly #run = Date.now().toString(36);
  #transactions = 0;
  #names = 0;

  constructor(baseUrl: string) {
    this.#pool = new Pool(baseUrl, {
      connections: CONNECTIONS,
      pipelining: 1,
      headersTimeout: REQUEST_TIMEOUT_MS,
      bodyTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: 4_000,
    });
  }

  /** Ends all connections, also those with a request under way. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  /** Registers an account of a new name, with the dummy stage. */
  async register(): Promise<BenchUser> {
    const name = `bench-${this.#run}-${this.#names++}`;
    const password = `password of ${name}`;
    const auth: Record<string, string> = { type: 'm.login.dummy' };
    const attempt = () =>
      this.#call('POST', '/_matrix/client/v3/register', '', { username: name, password, auth });
    let text: string;
    try {
      text = await attempt();
    } catch (error) {
      if (!(error instanceof UnexpectedAnswer) || error.status !== 401) throw error;
      auth['session'] = textField(error.body, 'session');
      text = await attempt();
    }
    return { name, password, ...sessionOf(text) };
  }

  /** Logs a new device in. */
  async login(user: BenchUser): Promise<BenchUser> {
    const text = await this.#call('POST', '/_matrix/client/v3/login', '', {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: user.name },
      password: user.password,
    });
    return { ...user, ...sessionOf(text) };
  }

  async createRoom(user: BenchUser, preset: 'private_chat' | 'public_chat'): Promise<string> {
    const text = await this.#call('POST', '/_matrix/client/v3/createRoom', user.token, {
      preset,
      name: 'bench room',
    });
    return textField(text, 'room_id');
  }

  /** @param via a server by way of which to join. */
  async join(user: BenchUser, roomId: string, via?: string): Promise<void> {
    const server = via === undefined ? '' : `?via=${via}&server_name=${via}`;
    await this.#call(
      'POST',
      `/_matrix/client/v3/join/${encodeURIComponent(roomId)}${server}`,
      user.token,
      {},
    );
  }

  /** Sends a text message under a new transaction identifier. */
  async send(user: BenchUser, roomId: string, body: string): Promise<void> {
    const transaction = `${this.#run}-${this.#transactions++}`;
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${transaction}`;
    await this.#call('PUT', path, user.token, { msgtype: 'm.text', body });
  }

  /** How many members of a room are known to be joined. */
  async joinedMembers(user: BenchUser, roomId: string): Promise<number> {
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/joined_members`;
    const text = await this.#call('GET', path, user.token);
    return Object.keys((JSON.parse(text) as { joined: object }).joined).length;
  }

  /** What happened since a position; everything without one. Waits up to `timeoutMs` for news. */
  async sync(
    user: BenchUser,
    options: { since?: string; timeoutMs: number; longTimelines?: boolean },
  ): Promise<SyncAnswer> {
    const since = options.since === undefined ? '' : `&since=${encodeURIComponent(options.since)}`;
    const filter = options.longTimelines === true ? `&filter=${LONG_TIMELINES}` : '';
    const path = `/_matrix/client/v3/sync?timeout=${options.timeoutMs}${since}${filter}`;
    const text = await this.#call('GET', path, user.token);
    return { text, nextBatch: nextBatch(text) };
  }

  /** A request of sliding sync; gives the answer and the position to go on from. */
  async slidingSync(
    user: BenchUser,
    wishes: object,
    pos: string | undefined,
  ): Promise<{ text: string; pos: string }> {
    const at = pos === undefined ? '' : `&pos=${encodeURIComponent(pos)}`;
    const path = `/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?timeout=0${at}`;
    const text = await this.#call('POST', path, user.token, wishes);
    return { text, pos: textField(text, 'pos') };
  }

  /** A page of up to 100 events, backwards. `end` is missing on the last page. */
  async messages(
    user: BenchUser,
    roomId: string,
    from?: string,
  ): Promise<{ events: number; end: string | undefined }> {
    const at = from === undefined ? '' : `&from=${encodeURIComponent(from)}`;
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=100${at}`;
    const page = JSON.parse(await this.#call('GET', path, user.token)) as { chunk: unknown[]; end?: string };
    return { events: page.chunk.length, end: page.end };
  }

  /** Sends a message to the devices, of one type, under a new transaction identifier. */
  async sendToDevice(user: BenchUser, to: readonly BenchUser[], body: string): Promise<void> {
    const messages = Object.fromEntries(to.map(({ id, deviceId }) => [id, { [deviceId]: { body } }]));
    const path = `/_matrix/client/v3/sendToDevice/org.example.bench/${this.#run}-${this.#transactions++}`;
    await this.#call('PUT', path, user.token, { messages });
  }

  /** Uploads the keys of a device with a name that is new each time, and one-time keys. */
  async uploadKeys(user: BenchUser, oneTimeKeys: number): Promise<void> {
    const { id, deviceId } = user;
    const count = this.#transactions++;
    await this.#call('POST', '/_matrix/client/v3/keys/upload', user.token, {
      device_keys: {
        user_id: id,
        device_id: deviceId,
        algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
        keys: { [`curve25519:${deviceId}`]: keyText(count), [`ed25519:${deviceId}`]: keyText(count) },
        signatures: { [id]: { [`ed25519:${deviceId}`]: keyText(count).repeat(2) } },
      },
      one_time_keys: Object.fromEntries(
        Array.from({ length: oneTimeKeys }, (_, i) => [
          `signed_curve25519:${count}-${i}`,
          { key: keyText(i), signatures: { [id]: { [`ed25519:${deviceId}`]: keyText(i).repeat(2) } } },
        ]),
      ),
    });
  }

  /** Claims a one-time key of each device. Gives how many there were. */
  async claimKeys(user: BenchUser, of: readonly BenchUser[]): Promise<number> {
    const wanted = Object.fromEntries(
      of.map(({ id, deviceId }) => [id, { [deviceId]: 'signed_curve25519' }]),
    );
    const text = await this.#call('POST', '/_matrix/client/v3/keys/claim', user.token, {
      one_time_keys: wanted,
    });
    return Object.keys((JSON.parse(text) as { one_time_keys: object }).one_time_keys).length;
  }

  /** Whether the server answers at all. */
  async answers(): Promise<boolean> {
    return this.#call('GET', '/_matrix/client/versions', '').then(
      () => true,
      () => false,
    );
  }

  async #call(method: 'GET' | 'POST' | 'PUT', path: string, token: string, body?: object): Promise<string> {
    const headers: Record<string, string> = {};
    if (token !== '') headers['authorization'] = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const answer = await this.#pool.request({
      method,
      path,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new UnexpectedAnswer(`${method} ${path}`, answer.statusCode, text);
    return text;
  }
}

function sessionOf(text: string): Pick<BenchUser, 'id' | 'deviceId' | 'token'> {
  return {
    id: textField(text, 'user_id'),
    deviceId: textField(text, 'device_id'),
    token: textField(text, 'access_token'),
  };
}

/** Text of the length of a key. */
function keyText(number: number): string {
  return String(number).padStart(43, 'A');
}

function textField(text: string, field: string): string {
  const value = (JSON.parse(text) as Record<string, unknown>)[field];
  if (typeof value !== 'string') throw new Error(`The answer has no ${field}: ${text.slice(0, 200)}`);
  return value;
}

/** Found without parsing: answers can be megabytes, and only their token is needed. */
function nextBatch(text: string): string {
  const key = text.lastIndexOf('"next_batch"');
  const value = /^"next_batch"\s*:\s*"([^"]*)"/.exec(text.slice(key, key + 1_000))?.[1];
  if (key < 0 || value === undefined)
    throw new Error(`The sync answer has no next_batch: ${text.slice(0, 200)}`);
  return value;
}
