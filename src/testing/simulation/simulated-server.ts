import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { SignatureChecks } from '../../federation/keys/signature-checks.ts';
import { loadConfig } from '../../platform/config/load-config.ts';
import type { Config } from '../../platform/config/schema.ts';
import { serverName, type ServerName } from '../../protocol/identifiers.ts';
import { ROOM_RULES, type RoomRules } from '../../rooms/appending/room-rules.ts';
import { buildServer, type BuiltServer } from '../../server.ts';
import type { Services } from '../../services.ts';
import type { Database } from '../../storage/database.ts';
import type { Json } from '../client/test-client.ts';
import { FAST } from '../server/test-server.ts';
import type { DeliveredRequest, Machine, MachineAnswer, SimulatedNetwork } from './network.ts';
import { seededRandomness } from './seeded.ts';
import { SimulatedDatabase, type CrashPoint } from './simulated-database.ts';
import { ProcessTimers, type VirtualTime } from './virtual-time.ts';

/** A bug that is put into every server on purpose, to see that it is found. */
export interface Plant {
  /** The rules that a server goes by. */
  readonly rules?: (server: ServerName, right: RoomRules) => RoomRules;
  /** The database that a server is given when it starts. */
  readonly database?: (right: Database) => Database | Promise<Database>;
}

/** Where the servers of a simulation are. */
export interface SimulatedWorld {
  readonly seed: number;
  readonly time: VirtualTime;
  readonly network: SimulatedNetwork;
  /** A folder for the databases. */
  readonly folder: string;
  /** A database file in which all migrations were run. */
  readonly template: string;
  readonly plant: Plant;
}

interface Process {
  readonly built: BuiltServer;
  readonly database: SimulatedDatabase;
  readonly timers: ProcessTimers;
  /** Rejects when the process crashes. */
  readonly crashed: Promise<never>;
}

export interface SimulatedAnswer {
  readonly status: number;
  readonly body: Json;
}

/** A Myelin server: the real one, but for time, network, randomness and the thread that writes. */
export class SimulatedServer implements Machine {
  readonly name: ServerName;
  /** What the log holds of requests that failed for no fault of theirs. */
  readonly mistakes: string[] = [];
  readonly #world: SimulatedWorld;
  readonly #config: Config;
  /** How far its clock is ahead, in milliseconds. */
  readonly #aheadMs: number;
  #process: Process | undefined;
  #starts = 0;

  constructor(name: string, world: SimulatedWorld, aheadMs: number) {
    this.name = serverName(name);
    this.#world = world;
    this.#aheadMs = aheadMs;
    const dataDir = join(world.folder, name.replace(':', '-'));
    mkdirSync(dataDir);
    cpSync(world.template, join(dataDir, 'myelin.db'));
    this.#config = loadConfig({
      env: {
        ...FAST,
        MYELIN_SERVER_NAME: name,
        MYELIN_DATA_DIR: dataDir,
        MYELIN_FEDERATION_RETRY_FIRST: '2',
        MYELIN_FEDERATION_RETRY_LONGEST: '30',
        MYELIN_FEDERATION_TRUSTED_KEY_SERVERS: '',
      },
    });
  }

  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  get services(): Services {
    const services = this.#running.built.homeserver?.services;
    if (!services) throw new Error(`${this.name} is no homeserver`);
    return services;
  }

  /** How many timers it has set. */
  get timers(): number {
    return this.#process?.timers.count ?? 0;
  }

  async start(): Promise<void> {
    const { seed, time, network, plant } = this.#world;
    this.#starts += 1;
    let isAlive = true;
    const timers = new ProcessTimers(time);
    const database = new SimulatedDatabase(join(this.#config.data_dir, 'myelin.db'), () => time.touch());
    const given = (await plant.database?.(database)) ?? database;
    const built = await buildServer(given, this.#config, {
      timers,
      clock: { now: () => time.now + this.#aheadMs },
      randomness: seededRandomness(seed, this.name, this.#starts),
      dns: { services: () => Promise.resolve([]) },
      transport: network.transport(this.name, () => isAlive),
      log: pino({ level: 'error' }, { write: (line) => this.#noteLog(line) }),
      // The thread pool would answer when it likes.
      signatureChecks: new SignatureChecks(Infinity),
      rules: plant.rules?.(this.name, ROOM_RULES) ?? ROOM_RULES,
    });
    await built.app.ready();
    const { promise: crashed, reject } = Promise.withResolvers<never>();
    crashed.catch(() => undefined);
    this.#process = { built, database, timers, crashed };
    this.#end = () => {
      isAlive = false;
      reject(Object.assign(new Error('The server crashed'), { code: 'ECONNRESET' }));
    };
    network.connect(this.name, this);
  }

  /** Crashes at once: nothing is written or said any more. */
  crash(): void {
    const process = this.#process;
    if (!process) return;
    this.#world.network.note(`${this.name} crashes`);
    this.#world.network.connect(this.name, undefined);
    this.#process = undefined;
    this.#end();
    this.#world.network.forgetEnded();
    process.timers.end();
    process.database.die();
    const { services } = process.built.homeserver ?? {};
    services?.notifier.close();
    void services?.mediaSweep.stop();
  }

  /** Crashes at a commit to come. */
  crashAt(point: CrashPoint): void {
    this.#running.database.crashAt(point, () => this.crash());
  }

  /** It will not crash any more by what was set before. */
  forgetCrash(): void {
    this.#process?.database.forgetCrash();
  }

  /** Its database, to look at. */
  get database(): Database {
    return this.#running.database;
  }

  async answer({ method, target, headers, body }: DeliveredRequest): Promise<MachineAnswer> {
    const process = this.#running;
    const request = { method, url: target, headers, ...(body === undefined ? {} : { payload: body }) };
    const answer = await Promise.race([process.built.app.inject(request), process.crashed]);
    this.#world.time.touch();
    return {
      status: answer.statusCode,
      headers: { 'content-type': 'application/json' },
      body: answer.rawPayload,
    };
  }

  /** A request of a client; undefined when the server does not run, or crashes meanwhile. */
  async ask(
    token: string | undefined,
    method: 'GET' | 'PUT' | 'POST',
    path: string,
    body?: object,
  ): Promise<SimulatedAnswer | undefined> {
    if (!this.#process) return undefined;
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    try {
      const target = `/_matrix/client${path}`;
      const text = body === undefined ? undefined : JSON.stringify(body);
      const answer = await this.answer({ method, target, headers, body: text });
      return { status: answer.status, body: JSON.parse(answer.body.toString()) as Json };
    } catch {
      return undefined;
    }
  }

  #end: () => void = () => undefined;

  get #running(): Process {
    if (!this.#process) throw new Error(`${this.name} does not run`);
    return this.#process;
  }

  #noteLog(line: string): void {
    if (line.includes('a request failed')) this.mistakes.push(line);
  }
}
