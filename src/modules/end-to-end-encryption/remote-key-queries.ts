import { inParts } from '../../platform/list-parts.ts';
import type { FederationClient } from '../../federation/federation-client.ts';
import { FederationError } from '../../federation/federation-error.ts';
import { serverNameOf, type DeviceId, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import type { DeviceOfUser, KeysById } from './one-time-keys.ts';
import type { RemoteDeviceLists } from './remote-device-lists.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
const LONGEST_TIMEOUT_MS = 60_000;
/** With more users of one server whose lists are not known, their keys are asked for at once and not kept. */
const MOST_FETCHED = 10;
/** Servers that one request asks at the same time. */
const MOST_SERVERS = 200;

/** What came of asking other servers. */
export interface RemoteAnswers {
  /** Users whose keys are kept here now. */
  readonly kept: readonly UserId[];
  /** Answers of servers for users whose keys are not kept. */
  readonly answers: readonly { readonly users: ReadonlySet<UserId>; readonly body: JsonObject }[];
  /** What went wrong, by server. */
  readonly failures: JsonObject;
}

/** Asks other servers for the keys of their users (Server-Server API, "End-to-End Encryption"). */
export class RemoteKeyQueries {
  readonly #client: FederationClient;
  readonly #lists: RemoteDeviceLists;

  constructor(client: FederationClient, lists: RemoteDeviceLists) {
    this.#client = client;
    this.#lists = lists;
  }

  /** Keys of users. Each server has `timeoutMs` (ten seconds by default, a minute at most) to answer. */
  async query(
    wanted: ReadonlyMap<UserId, readonly string[]>,
    timeoutMs: number | undefined,
  ): Promise<RemoteAnswers> {
    const kept: UserId[] = [];
    const answers: { users: ReadonlySet<UserId>; body: JsonObject }[] = [];
    const failures = await this.#ofEach([...wanted.keys()], async (server, users) => {
      const { current, behind, others } = await this.#byWhatIsKnown(users);
      kept.push(...current);
      const fetches = [...behind].map(async ([userId, updatedAt]) => {
        if (await this.#fetchList(userId, updatedAt, limited(timeoutMs))) kept.push(userId);
      });
      const asking = this.#ask(server, others, wanted, limited(timeoutMs)).then((body) => {
        if (body) answers.push({ users: new Set(others), body });
      });
      // That the list of one user cannot be had says nothing of the others.
      const outcomes = await Promise.allSettled([...fetches, asking]);
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed) throw failed.reason;
    });
    return { kept, answers, failures };
  }

  /** Claims one-time keys of devices. */
  async claim(
    wanted: readonly { device: DeviceOfUser; algorithm: string }[],
    timeoutMs: number | undefined,
  ): Promise<{ claimed: { device: DeviceOfUser; keys: KeysById }[]; failures: JsonObject }> {
    const claimed: { device: DeviceOfUser; keys: KeysById }[] = [];
    const users = new Set(wanted.map(({ device }) => device.userId));
    const failures = await this.#ofEach([...users], async (server, ofServer) => {
      const asked: Record<string, Record<string, string>> = {};
      const mine = wanted.filter(({ device }) => ofServer.includes(device.userId));
      for (const { device, algorithm } of mine) (asked[device.userId] ??= {})[device.deviceId] = algorithm;
      const answer = await this.#client.request(server, {
        method: 'POST',
        path: '/_matrix/federation/v1/user/keys/claim',
        body: { one_time_keys: asked },
        timeoutMs: limited(timeoutMs),
      });
      for (const { device } of mine) {
        const keys = keysOf(answer, device.userId, device.deviceId);
        if (keys) claimed.push({ device, keys });
      }
    });
    return { claimed, failures };
  }

  /**
   * Users whose lists are kept here, those whose lists are to be fetched, each with where it was updated last, and those whose
   * lists are not kept. All that is read for a fetch is read here: then all are asked for at once, before one of them fails and
   * the server is left in peace.
   */
  async #byWhatIsKnown(
    users: readonly UserId[],
  ): Promise<{ current: UserId[]; behind: Map<UserId, number>; others: UserId[] }> {
    const current: UserId[] = [];
    const behind = new Map<UserId, number>();
    const others: UserId[] = [];
    for (const userId of users) {
      if (await this.#lists.isCurrent(userId)) current.push(userId);
      else if (await this.#lists.isFollowed(userId)) {
        behind.set(userId, await this.#lists.updatedAt(userId));
      } else others.push(userId);
    }
    if (behind.size > MOST_FETCHED) {
      return { current, behind: new Map(), others: [...others, ...behind.keys()] };
    }
    return { current, behind, others };
  }

  /** Fetches a user's list. False when the user's server has no such user. */
  async #fetchList(userId: UserId, updatedAt: number, timeoutMs: number): Promise<boolean> {
    try {
      await this.#lists.fetch(userId, updatedAt, timeoutMs);
      return true;
    } catch (error) {
      if (error instanceof FederationError && error.status === 404) return false;
      throw error;
    }
  }

  /** Asks a server for the keys of users whose lists are not kept here. */
  async #ask(
    server: ServerName,
    users: readonly UserId[],
    wanted: ReadonlyMap<UserId, readonly string[]>,
    timeoutMs: number,
  ): Promise<JsonObject | undefined> {
    if (users.length === 0) return undefined;
    const devices = Object.fromEntries(users.map((userId) => [userId, [...(wanted.get(userId) ?? [])]]));
    const path = '/_matrix/federation/v1/user/keys/query';
    return this.#client.request(server, { method: 'POST', path, body: { device_keys: devices }, timeoutMs });
  }

  /** Does something for the users of each server; gives what failed, by server. */
  async #ofEach(
    users: readonly UserId[],
    ask: (server: ServerName, users: readonly UserId[]) => Promise<void>,
  ): Promise<JsonObject> {
    const failures: JsonObject = {};
    const servers = [...Map.groupBy(users, (userId) => serverNameOf(userId))];
    for (const some of inParts(servers, MOST_SERVERS)) {
      const part = some.map(async ([server, ofServer]) => {
        try {
          await ask(server, ofServer);
        } catch (error) {
          if (!(error instanceof FederationError)) throw error;
          const { status, errcode, message } = error.toMatrixError();
          failures[server] = { status, errcode, message };
        }
      });
      await Promise.all(part);
    }
    return failures;
  }
}

function limited(timeoutMs: number | undefined): number {
  return Math.min(timeoutMs ?? DEFAULT_TIMEOUT_MS, LONGEST_TIMEOUT_MS);
}

function keysOf(answer: JsonObject, userId: UserId, deviceId: DeviceId): KeysById | undefined {
  const { one_time_keys: users } = answer;
  const devices = isJsonObject(users) ? users[userId] : undefined;
  const keys = isJsonObject(devices) ? devices[deviceId] : undefined;
  return isJsonObject(keys) ? (keys as KeysById) : undefined;
}
