import { RepeatedRun } from '../../platform/repeated-run.ts';
import type { Database } from '../../storage/database.ts';
import * as pushesStore from '../../storage/push/pushes-store.ts';
import * as pushersStore from '../../storage/push/pushers-store.ts';
import type { PusherKey, PusherRow } from '../../storage/push/pushers-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';

/** What became of what a pusher had to push. */
export type Delivered =
  /** Done, or there is more. */
  | 'settled'
  /** To be tried again later. */
  | 'failed'
  /** The same, and others that push by way of the same gateway would fail too. */
  | 'unreachable';

/** How long there is for what is pushed. */
export interface Shift {
  /** Nothing more is to be begun. */
  readonly isEnding: boolean;
  /** Aborts when there is no time left. */
  readonly signal: AbortSignal;
}

/** Pushes by one way: to a gateway, or by mail. */
export interface PushWay {
  /** Pushes what a pusher has to push, some of it at least. */
  deliver(pusher: PusherRow, shift: Shift): Promise<Delivered>;
}

/** Pushers at work at the same time: in all, and of one gateway. */
const AT_ONCE = 200;
const AT_ONCE_OF_GATEWAY = 16;
/** Failures in a row after which a gateway is asked only now and then, by one pusher. */
const FAILURES_TO_PAUSE = 3;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 3_600_000;
const LONGEST_PAUSE_MS = 30_000;
const LOOK_EVERY_MS = 10_000;
/** Gateways of which is remembered that they do not answer. */
const MOST_GATEWAYS = 10_000;
/** Time that is left at the end to what is under way. */
const END_MS = 3_000;

interface Gateway {
  running: number;
  failures: number;
  pausedUntil: number;
}

/**
 * Has pushers push when they are due. What is due is in the database; in memory is only who is at work. Each gateway has
 * a share of its own, and one that does not answer is left in peace for a while: it holds up nobody else.
 */
export class PushDelivery {
  readonly #database: Database;
  readonly #clock: { now(): number };
  readonly #draw: () => number;
  readonly #ways: Readonly<Record<string, PushWay>>;
  readonly #atWork = new Map<string, Promise<void>>();
  readonly #gateways = new Map<string, Gateway>();
  #onError: (error: unknown) => void = () => undefined;
  #shift = { isEnding: true, controller: new AbortController() };
  #timer: NodeJS.Timeout | undefined;
  readonly #looks = new RepeatedRun(() =>
    this.#shift.isEnding ? undefined : this.#look().catch(this.#onError),
  );

  /**
   * @param needs.draw a random number from 0 (inclusive) to 1.
   * @param needs.ways by kind of pusher.
   */
  constructor(needs: {
    database: Database;
    clock: { now(): number };
    draw: () => number;
    ways: Readonly<Record<string, PushWay>>;
  }) {
    this.#database = needs.database;
    this.#clock = needs.clock;
    this.#draw = needs.draw;
    this.#ways = needs.ways;
  }

  /** How many pushers are at work now. */
  get atWork(): number {
    return this.#atWork.size;
  }

  /** Begins to push what is due. */
  start(onError: (error: unknown) => void): void {
    this.#onError = onError;
    this.#shift = { isEnding: false, controller: new AbortController() };
    this.wake();
  }

  /** Ends what is under way and begins nothing else. */
  async stop(): Promise<void> {
    const shift = this.#shift;
    shift.isEnding = true;
    clearTimeout(this.#timer);
    await this.#looks.settled();
    const timer = setTimeout(() => shift.controller.abort(), END_MS);
    await Promise.all(this.#atWork.values());
    clearTimeout(timer);
  }

  /** Something may be due. */
  wake(): void {
    this.#looks.ask();
  }

  async #look(): Promise<void> {
    const now = this.#clock.now();
    let nextAt = now + LOOK_EVERY_MS;
    for (const name of await pushesStore.dueGateways(this.#database, now)) {
      const gateway = this.#gateway(name);
      if (gateway.pausedUntil > now) nextAt = Math.min(nextAt, gateway.pausedUntil);
      else await this.#begin(name, gateway, now);
    }
    nextAt = Math.min(nextAt, (await pushesStore.nextDue(this.#database, now)) ?? Infinity);
    clearTimeout(this.#timer);
    if (this.#shift.isEnding) return;
    this.#timer = setTimeout(() => this.wake(), Math.max(1, nextAt - this.#clock.now())).unref();
  }

  /** Puts as many of a gateway's pushers to work as may be. */
  async #begin(name: string, gateway: Gateway, now: number): Promise<void> {
    const most = gateway.failures >= FAILURES_TO_PAUSE ? 1 : AT_ONCE_OF_GATEWAY;
    const { running } = gateway;
    if (running >= most || this.#atWork.size >= AT_ONCE) return;
    for (const pusher of await pushesStore.due(this.#database, name, now, running + most)) {
      if (this.#shift.isEnding || gateway.running >= most || this.#atWork.size >= AT_ONCE) return;
      const key = keyOf(pusher);
      if (this.#atWork.has(key)) continue;
      gateway.running += 1;
      const work = this.#work(pusher, gateway).catch(this.#onError);
      const ended = work.finally(() => {
        gateway.running -= 1;
        if (gateway.running === 0 && gateway.failures === 0) this.#gateways.delete(name);
        this.#atWork.delete(key);
        this.wake();
      });
      this.#atWork.set(key, ended);
    }
  }

  async #work(pusher: PusherRow, gateway: Gateway): Promise<void> {
    const way = this.#ways[pusher.kind];
    if (!way) throw new Error(`There is no way to push for pushers of the kind ${pusher.kind}`);
    const shift = this.#shift;
    const { signal } = shift.controller;
    const outcome = await way.deliver(pusher, {
      signal,
      get isEnding() {
        return shift.isEnding;
      },
    });
    if (signal.aborted) return;
    if (outcome === 'unreachable') {
      gateway.failures += 1;
      const pauseMs = Math.min(this.#backOff(gateway.failures - FAILURES_TO_PAUSE), LONGEST_PAUSE_MS);
      if (gateway.failures >= FAILURES_TO_PAUSE) gateway.pausedUntil = this.#clock.now() + pauseMs;
    } else gateway.failures = 0;
    if (outcome === 'settled') return;
    const failures = (await pushersStore.byKey(this.#database, pusher))?.failures ?? 0;
    const at = Math.ceil(this.#clock.now() + this.#backOff(failures));
    const unit = new UnitOfWork();
    pushesStore.postpone(unit, pusher, failures + 1, at);
    await this.#database.commit(unit);
  }

  /** Milliseconds to wait after some failures: twice as long after each, a quarter more or less by chance. */
  #backOff(failures: number): number {
    const ms = Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures, 30), LONGEST_RETRY_MS);
    return ms * (0.75 + this.#draw() / 2);
  }

  #gateway(name: string): Gateway {
    if (this.#gateways.size >= MOST_GATEWAYS) {
      for (const [idle, { running }] of this.#gateways) if (running === 0) this.#gateways.delete(idle);
    }
    let gateway = this.#gateways.get(name);
    if (!gateway) this.#gateways.set(name, (gateway = { running: 0, failures: 0, pausedUntil: 0 }));
    return gateway;
  }
}

function keyOf({ user_id: userId, app_id: appId, pushkey }: PusherKey): string {
  return `${userId}\0${appId}\0${pushkey}`;
}
