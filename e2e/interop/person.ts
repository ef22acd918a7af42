import { setTimeout as pause } from 'node:timers/promises';
import { TestClient, type Json } from '../../src/testing/client/test-client.ts';
import { World, type RoomSeen } from './world.ts';

const PATIENCE_MS = 30_000;
const SYNC_MS = 2_000;
const ASK_EVERY_MS = 250;
/** No scenario says more between two syncs: there are no gaps. */
const FILTER = JSON.stringify({ room: { timeline: { limit: 100 } } });

type Maybe<T> = T | null | undefined | false;

/** Somebody with a client on one of the servers, who waits for what syncs bring. */
export class Person extends TestClient {
  readonly world = new World();
  #since: string | undefined;

  /** The part of the user ID after the colon. */
  get serverName(): string {
    return this.userId.slice(this.userId.indexOf(':') + 1);
  }

  /**
   * Syncs until the world looks so; gives what is then seen.
   *
   * @throws Error naming what was waited for, after half a minute.
   */
  async until<T>(what: string, see: (world: World) => Maybe<T>): Promise<T> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const seen = see(this.world);
      if (seen !== undefined && seen !== null && seen !== false) return seen;
      if (performance.now() > deadline) throw new Error(`${this.userId} never saw ${what}`);
      const since: Record<string, string> = this.#since === undefined ? {} : { since: this.#since };
      const timeout = this.#since === undefined ? 0 : SYNC_MS;
      const answer = await this.sync({ filter: FILTER, timeout, ...since });
      this.#since = answer.next_batch;
      this.world.take(answer);
    }
  }

  /**
   * Asks again until the answer looks so: for what no sync tells of.
   *
   * @throws Error naming what was waited for, after half a minute.
   */
  async untilAnswer(what: string, ask: () => Promise<Json>, see: (body: Json) => boolean): Promise<Json> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const body = await ask();
      if (see(body)) return body;
      if (performance.now() > deadline)
        throw new Error(`${this.userId} never saw ${what}: ${JSON.stringify(body)}`);
      await pause(ASK_EVERY_MS);
    }
  }

  /** Syncs until a room looks so; gives what is then seen. */
  untilRoom<T>(roomId: string, what: string, see: (room: RoomSeen) => Maybe<T>): Promise<T> {
    return this.until(what, (world) => {
      const room = world.rooms.get(roomId);
      return room && see(room);
    });
  }

  /** Syncs until an event is in the timeline of a room; gives the event. */
  untilEvent(roomId: string, eventId: string): Promise<Json> {
    return this.untilRoom(roomId, eventId, (room) =>
      room.timeline.find((event: Json) => event.event_id === eventId),
    );
  }

  /** Syncs until somebody's membership of a room is so; gives the member event. */
  untilMember(roomId: string, userId: string, membership: string): Promise<Json> {
    return this.untilRoom(roomId, `${userId} ${membership}`, (room) => {
      const event = room.state.get(`m.room.member ${userId}`);
      return event?.content.membership === membership && event;
    });
  }

  /** Joins a room that another server knows. */
  async joinBy(roomIdOrAlias: string, server: string): Promise<void> {
    const query = new URLSearchParams([
      ['server_name', server],
      ['via', server],
    ]);
    await this.ok('POST', `/v3/join/${encodeURIComponent(roomIdOrAlias)}?${query.toString()}`, {});
  }

  async invite(roomId: string, userId: string): Promise<void> {
    await this.ok('POST', this.room(roomId, '/invite'), { user_id: userId });
  }

  /** Begins to type in a room, for half a minute, or ceases. */
  async type(roomId: string, typing: boolean): Promise<void> {
    const path = this.room(roomId, `/typing/${encodeURIComponent(this.userId)}`);
    await this.ok('PUT', path, typing ? { typing, timeout: 30_000 } : { typing });
  }

  /** Gives somebody a power level. */
  async promote(roomId: string, userId: string, level: number): Promise<void> {
    const levels = await this.state(roomId, 'm.room.power_levels');
    const users = { ...levels.users, [userId]: level };
    await this.setState(roomId, 'm.room.power_levels', { ...levels, users });
  }

  /** Syncs until the own power level in a room is so. */
  async untilPower(roomId: string, level: number): Promise<void> {
    await this.untilRoom(roomId, `the power level ${level}`, (room) => {
      const users = room.state.get('m.room.power_levels ')?.content.users;
      return users?.[this.userId] === level;
    });
  }

  /** Present state event content, as the server tells it. */
  state(roomId: string, type: string, stateKey = ''): Promise<Json> {
    return this.ok('GET', this.room(roomId, `/state/${type}/${encodeURIComponent(stateKey)}`));
  }

  /** Events of a room backwards from its end, newest first, until the beginning or a number of pages. */
  async history(roomId: string, pages = 20): Promise<Json[]> {
    const events: Json[] = [];
    let from = '';
    for (let i = 0; i < pages; i++) {
      const page = await this.ok('GET', this.room(roomId, `/messages?dir=b&limit=30${from}`));
      events.push(...page.chunk);
      if (page.end === undefined) break;
      from = `&from=${encodeURIComponent(page.end as string)}`;
    }
    return events;
  }
}
