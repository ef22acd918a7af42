import { mkdtempSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MIGRATIONS } from '../../storage/migrations/index.ts';
import { migrateSqlite } from '../../storage/sqlite/migrate.ts';
import { RemoteRoom } from '../federation/remote-room.ts';
import type { Json } from '../client/test-client.ts';
import { HostileServer } from './hostile-server.ts';
import { SimulatedNetwork } from './network.ts';
import { seededBy } from './seeded.ts';
import {
  SimulatedServer,
  type Plant,
  type SimulatedAnswer,
  type SimulatedWorld,
} from './simulated-server.ts';
import { VirtualTime } from './virtual-time.ts';

/** Somebody with a client at an honest server. */
export interface Person {
  readonly userId: string;
  readonly server: SimulatedServer;
  readonly token: string;
}

/** A room that all servers are in. */
export interface SimulatedRoom {
  readonly roomId: string;
  readonly version: string;
  readonly creator: Person;
}

/** How large a simulation is. */
export interface Size {
  readonly servers: number;
  readonly rooms: number;
  readonly steps: number;
  /** How often everybody says something in every room once all is mended; 3 by default. */
  readonly rounds?: number;
}

const START = Date.UTC(2026, 0, 1);
const VERSIONS = ['6', '10', '11', '12'];
/** How far clocks may be apart from true time, in milliseconds. */
const CLOCK_MS = 600_000;

/** Servers, people and rooms, before anything goes wrong. */
export class World implements SimulatedWorld {
  readonly seed: number;
  readonly time = new VirtualTime(START);
  readonly network: SimulatedNetwork;
  readonly folder: string;
  readonly template: string;
  readonly plant: Plant;
  readonly servers: SimulatedServer[] = [];
  /** Nobody ever takes rights from them; the one at each server. */
  readonly steady: Person[] = [];
  /** They are kicked and banned, given and denied power. */
  readonly unsteady: Person[] = [];
  readonly rooms: SimulatedRoom[] = [];
  readonly hostile: HostileServer;
  #transactions = 0;

  private constructor(seed: number, plant: Plant) {
    this.seed = seed;
    this.plant = plant;
    this.network = new SimulatedNetwork(seed, this.time);
    this.hostile = new HostileServer('evil.sim:8448', this.time, this.network);
    const memory = '/dev/shm';
    this.folder = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'myelin-simulation-'));
    this.template = join(this.folder, 'template.db');
    migrateSqlite(this.template, MIGRATIONS);
  }

  /** Starts servers, which meet in rooms; the hostile one joins them. */
  static async make(seed: number, size: Size, plant: Plant = {}): Promise<World> {
    const world = new World(seed, plant);
    try {
      await world.#startServers(size.servers);
      for (let i = 0; i < size.rooms; i++) await world.#makeRoom(i);
      return world;
    } catch (error) {
      world.remove();
      throw error;
    }
  }

  /** Ends everything. */
  remove(): void {
    for (const server of this.servers) server.crash();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A request of a person's client. */
  ask(
    person: Person,
    method: 'GET' | 'PUT' | 'POST',
    path: string,
    body?: object,
  ): Promise<SimulatedAnswer | undefined> {
    return person.server.ask(person.token, method, path, body);
  }

  /** A request that must succeed; time passes until it is answered. */
  async ok(person: Person, method: 'GET' | 'PUT' | 'POST', path: string, body?: object): Promise<Json> {
    const answer = await this.time.until(this.ask(person, method, path, body));
    if (answer?.status === 200) return answer.body;
    throw new Error(`${person.userId} ${method} ${path}: ${answer?.status} ${JSON.stringify(answer?.body)}`);
  }

  /** A number for a transaction of a client. */
  transaction(): string {
    return `t${(this.#transactions += 1)}`;
  }

  async #startServers(count: number): Promise<void> {
    for (let i = 1; i <= count; i++) {
      const ahead = seededBy(this.seed, 'clock', i).below(2 * CLOCK_MS) - CLOCK_MS;
      const server = new SimulatedServer(`s${i}.sim:8448`, this, ahead);
      this.servers.push(server);
      await server.start();
      this.steady.push(await this.#register(server, 'alice'));
      if (i <= 3) this.unsteady.push(await this.#register(server, 'bob'));
    }
  }

  async #register(server: SimulatedServer, username: string): Promise<Person> {
    const wish = { username, password: 'a password', auth: { type: 'm.login.dummy' }, device_id: 'D' };
    const answer = await server.ask(undefined, 'POST', '/v3/register', wish);
    if (answer?.status !== 200) throw new Error(`Nobody can register: ${JSON.stringify(answer)}`);
    return { userId: answer.body.user_id, server, token: answer.body.access_token };
  }

  async #makeRoom(index: number): Promise<void> {
    const creator = this.steady[index % this.steady.length] as Person;
    const version = VERSIONS[(this.seed + index) % VERSIONS.length] ?? '11';
    const moderators = [
      ...this.unsteady.slice(0, 2).map((one) => one.userId),
      `@mallory:${this.hostile.name}`,
    ];
    const users = Object.fromEntries(moderators.map((userId) => [userId, 50]));
    const { room_id: roomId } = await this.ok(creator, 'POST', '/v3/createRoom', {
      preset: 'public_chat',
      room_version: version,
      power_level_content_override: {
        // From room version 12 on creators are above all and must not be named.
        users: version === '12' ? users : { ...users, [creator.userId]: 100 },
      },
    });
    this.rooms.push({ roomId: roomId as string, version, creator });
    for (const person of [...this.steady, ...this.unsteady]) {
      if (person === creator) continue;
      const via = `?server_name=${creator.server.name}&via=${creator.server.name}`;
      await this.ok(person, 'POST', `/v3/join/${encodeURIComponent(roomId as string)}${via}`, {});
    }
    const joining = RemoteRoom.join(this.hostile, creator.server.name, roomId as string);
    this.hostile.rooms.set(roomId as string, await this.time.until(joining));
    await this.time.pass(5_000);
  }
}
