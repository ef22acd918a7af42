import type { Random } from '../fuzz/random.ts';
import type { RemoteRoom } from '../federation/remote-room.ts';
import { HOSTILE_ACTS } from './hostile-acts.ts';
import { seededBy } from './seeded.ts';
import type { Person, SimulatedRoom, Size, World } from './world.ts';

/** An event that a server has said to keep. */
export interface Acknowledged {
  readonly eventId: string;
  readonly roomId: string;
  readonly by: Person;
  /** Whether nobody takes rights from its sender, so that it must be seen everywhere. */
  readonly isSteady: boolean;
}

/** A message to a device that a server has said to deliver. */
export interface AcknowledgedMessage {
  readonly text: string;
  readonly to: Person;
}

/** What was said to clients to be done. */
export class Ledger {
  readonly events: Acknowledged[] = [];
  readonly messages: AcknowledgedMessage[] = [];
}

const STORM = { lost: 60, unanswered: 60, repeated: 80, slow: 120 };
/** After everything is mended: longer than the longest back-off, and than whatever waits for an answer. */
const CALM_MS = 240_000;
const ACT_NAMES = Object.keys(HOSTILE_ACTS);

/** Lets things go wrong for a while, then has everything mended and waits until it is calm. */
export class Scenario {
  readonly world: World;
  readonly ledger = new Ledger();
  readonly #random: Random;
  #said = 0;

  constructor(world: World) {
    this.world = world;
    this.#random = seededBy(world.seed, 'scenario');
  }

  async run(size: Size): Promise<void> {
    await this.#storm(size.steps);
    await this.#mend();
    await this.#talk(size.rounds ?? 3);
    await this.#trialOfQueues();
    await this.#talk(1);
  }

  async #storm(steps: number): Promise<void> {
    const { world } = this;
    world.network.weather = STORM;
    for (let i = 0; i < steps; i++) {
      await this.#step();
      await world.time.pass(this.#random.below(1_500));
    }
  }

  async #step(): Promise<void> {
    const { network } = this.world;
    const what = this.#random.below(100);
    if (what < 5) return this.#partition();
    if (what < 10) return void network.heal();
    if (what < 17) return this.#crash();
    if (what < 24) return this.#restart();
    if (what < 42) return this.#beHostile();
    if (what < 52) return this.#sendToDevice();
    if (what < 62) return this.#quarrel();
    if (what < 74) return this.#setState(this.#random.pick([...this.world.unsteady, this.#room().creator]));
    if (what < 80) return this.#type();
    this.#say(this.#random.pick(this.world.steady), this.#room());
  }

  /** Everything works again; what waited is sent. */
  async #mend(): Promise<void> {
    const { world } = this;
    world.network.note('everything is mended');
    world.network.weather = { lost: 0, unanswered: 0, repeated: 0, slow: 0 };
    world.network.heal();
    for (const server of world.servers) {
      server.forgetCrash();
      if (!server.isRunning) await server.start();
    }
    await world.time.pass(CALM_MS);
  }

  /** Everybody says something in every room, so that all see what the others have. */
  async #talk(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      for (const room of this.world.rooms) {
        for (const person of this.world.steady) {
          this.#say(person, room);
          await this.world.time.pass(3_000);
        }
      }
    }
    await this.world.time.pass(60_000);
  }

  /** What a server has taken from its clients reaches the others, though it is cut off, and crashes, before it can send it. */
  async #trialOfQueues(): Promise<void> {
    const { world } = this;
    const sender = this.#random.pick(world.steady);
    const others = world.steady.filter((person) => person !== sender);
    world.network.partition(new Map([[sender.server.name, 1]]));
    for (const room of world.rooms) this.#say(sender, room);
    this.#sendToDevice(sender, this.#random.pick(others));
    await world.time.pass(2_000);
    sender.server.crash();
    await sender.server.start();
    await world.time.pass(10_000);
    world.network.heal();
    await world.time.pass(CALM_MS);
    const last = this.ledger.events.at(-1);
    if (last?.by !== sender)
      throw new Error(`${sender.server.name} did not take what was said, though it was well`);
    for (const person of others) {
      const path = `/v3/rooms/${encodeURIComponent(last.roomId)}/event/${encodeURIComponent(last.eventId)}`;
      const answer = await world.time.until(world.ask(person, 'GET', path));
      if (answer?.status === 200) continue;
      throw new Error(
        `${last.eventId}, taken before a crash of ${sender.server.name}, never came to ${person.userId}`,
      );
    }
  }

  #partition(): void {
    const { network, servers } = this.world;
    const sides = new Map(servers.map((server) => [server.name as string, this.#random.below(2)]));
    network.note(
      `the network falls apart: ${[...sides].map(([name, side]) => `${name} ${side}`).join(', ')}`,
    );
    network.partition(sides);
  }

  /** Now, or in the middle of what it writes next. */
  #crash(): void {
    const server = this.#random.pick(this.world.servers);
    if (!server.isRunning) return;
    const commits = this.#random.below(6);
    if (commits === 0) return server.crash();
    server.crashAt({ commits, when: this.#random.once(2) ? 'before' : 'after' });
  }

  async #restart(): Promise<void> {
    const server = this.world.servers.find((one) => !one.isRunning);
    if (!server) return;
    this.world.network.note(`${server.name} starts`);
    await server.start();
  }

  #beHostile(): void {
    const { hostile, servers, network } = this.world;
    const name = this.#random.pick(ACT_NAMES);
    const { roomId, creator } = this.#room();
    const room = hostile.rooms.get(roomId) as RemoteRoom;
    network.note(`${hostile.name} ${name}`);
    const victims = servers.map((server) => server.name);
    HOSTILE_ACTS[name]?.({ hostile, room, creator: creator.userId, victims, random: this.#random });
  }

  #say(person: Person, room: SimulatedRoom): void {
    const content = { msgtype: 'm.text', body: `message ${(this.#said += 1)}` };
    const path = `/send/m.room.message/${this.world.transaction()}`;
    this.#change(person, room, 'PUT', path, content);
  }

  #setState(person: Person): void {
    const content = { topic: `topic ${(this.#said += 1)} of ${person.userId}` };
    const [type, stateKey] = this.#random.pick([
      ['m.room.topic', ''],
      ['test.note', 'a'],
      ['test.note', 'b'],
    ] as const);
    this.#change(person, this.#room(), 'PUT', `/state/${type}/${stateKey}`, content);
  }

  /** Membership and power of those who are not steady. */
  #quarrel(): void {
    const { unsteady } = this.world;
    const room = this.#room();
    const target = this.#random.pick(unsteady);
    const { userId: user_id } = target;
    const ban = this.#random.pick(['kick', 'ban', 'unban', 'invite']);
    const how = this.#random.below(4);
    if (how === 0) return this.#change(room.creator, room, 'POST', `/${ban}`, { user_id });
    if (how === 1) return this.#change(target, room, 'POST', '/leave', {});
    if (how === 2) return this.#change(target, room, 'POST', '/join', {});
    void this.#setPower(room, target, this.#random.pick([0, 50]));
  }

  async #setPower(room: SimulatedRoom, target: Person, level: number): Promise<void> {
    const path = `/v3/rooms/${encodeURIComponent(room.roomId)}/state/m.room.power_levels`;
    const now = await this.world.ask(room.creator, 'GET', path);
    if (now?.status !== 200) return;
    const content = { ...now.body, users: { ...now.body.users, [target.userId]: level } };
    this.#change(room.creator, room, 'PUT', '/state/m.room.power_levels/', content);
  }

  #type(): void {
    const person = this.#random.pick(this.world.steady);
    const path = `/v3/rooms/${encodeURIComponent(this.#room().roomId)}/typing/${encodeURIComponent(person.userId)}`;
    void this.world.ask(person, 'PUT', path, { typing: true, timeout: 10_000 });
  }

  #sendToDevice(
    from: Person = this.#random.pick(this.world.steady),
    to: Person = this.#random.pick(this.world.steady),
  ): void {
    const text = `for ${to.userId} ${(this.#said += 1)}`;
    const path = `/v3/sendToDevice/test.message/${this.world.transaction()}`;
    const body = { messages: { [to.userId]: { D: { text } } } };
    this.world.network.note(`${from.userId} sends to a device: ${text}`);
    void this.world.ask(from, 'PUT', path, body).then((answer) => {
      if (answer?.status === 200) this.ledger.messages.push({ text, to });
    });
  }

  /** Asks for a change of a room, and notes whether the server says that it is made. */
  #change(
    person: Person,
    { roomId }: SimulatedRoom,
    method: 'PUT' | 'POST',
    path: string,
    body: object,
  ): void {
    const { network } = this.world;
    network.note(`${person.userId} ${method} ${roomId}${path}`);
    const whole = `/v3/rooms/${encodeURIComponent(roomId)}${path}`;
    void this.world.ask(person, method, whole, body).then((answer) => {
      network.note(
        `${person.userId} ${method} ${path}: ${answer?.status ?? 'no answer'} ${JSON.stringify(answer?.body)}`,
      );
      const eventId: unknown = answer?.status === 200 ? answer.body.event_id : undefined;
      if (typeof eventId !== 'string') return;
      const isSteady = this.world.steady.includes(person);
      this.ledger.events.push({ eventId, roomId, by: person, isSteady });
    });
  }

  #room(): SimulatedRoom {
    return this.#random.pick(this.world.rooms);
  }
}
