import { Readable } from 'node:stream';
import type { Route } from '../../federation/discovery/server-resolution.ts';
import type {
  ServerTransport,
  WireAnswer,
  WireRequest,
} from '../../federation/transport/server-transport.ts';
import { seededBy } from './seeded.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What a machine on the network gets. */
export interface DeliveredRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** What a machine answers. */
export interface MachineAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A machine on the network. Its answer may never come. */
export interface Machine {
  answer(request: DeliveredRequest): Promise<MachineAnswer>;
}

/** How bad the network is: of 1,000 requests, so many. */
export interface Weather {
  /** The request does not arrive. */
  readonly lost: number;
  /** It arrives, but not the answer. */
  readonly unanswered: number;
  /** It arrives a second time, later. */
  readonly repeated: number;
  /** It takes seconds, and others overtake it. */
  readonly slow: number;
}

const FAIR: Weather = { lost: 0, unanswered: 0, repeated: 0, slow: 0 };

/**
 * The network of a simulation. What happens to a request depends on the seed, on who sends to whom, and on how many there
 * were before it on that way.
 */
export class SimulatedNetwork {
  weather: Weather = FAIR;
  /** What happened, line by line. */
  readonly trace: string[] = [];
  /** The most requests that were under way at once. */
  mostUnderWay = 0;
  readonly #underWay = new Set<{ readonly isAlive: () => boolean; forget: () => void }>();
  readonly #seed: number;
  readonly #time: VirtualTime;
  readonly #machines = new Map<string, Machine>();
  readonly #counts = new Map<string, number>();
  readonly #started: number;
  #sideOf = new Map<string, number>();

  constructor(seed: number, time: VirtualTime) {
    this.#seed = seed;
    this.#time = time;
    this.#started = time.now;
  }

  /** How many requests are under way, of processes that run. */
  get underWay(): number {
    this.forgetEnded();
    return this.#underWay.size;
  }

  /** Lets go of what processes wait for that have ended: signals with listeners are kept by the engine. */
  forgetEnded(): void {
    for (const request of this.#underWay) {
      if (request.isAlive()) continue;
      this.#underWay.delete(request);
      request.forget();
    }
  }

  /** Writes a line of what happens. */
  note(text: string): void {
    this.trace.push(`${((this.#time.now - this.#started) / 1000).toFixed(3)} ${text}`);
  }

  /** A machine answers under a name from now on; undefined: none does. */
  connect(name: string, machine: Machine | undefined): void {
    if (machine) this.#machines.set(name, machine);
    else this.#machines.delete(name);
  }

  /** Machines reach only those on their own side, until `heal`. Those that are not named are on side 0. */
  partition(sides: ReadonlyMap<string, number>): void {
    this.#sideOf = new Map(sides);
  }

  heal(): void {
    this.#sideOf = new Map();
  }

  /** What the machine of a name asks others by; `isAlive`: whether it still runs. */
  transport(from: string, isAlive: () => boolean = () => true): ServerTransport {
    return {
      request: (route, request) => this.#request(from, route, request, isAlive),
      close: () => Promise.resolve(),
    };
  }

  #request(from: string, route: Route, request: WireRequest, isAlive: () => boolean): Promise<WireAnswer> {
    this.#time.touch();
    const to = route.hostHeader;
    const way = `${from}>${to}`;
    const count = (this.#counts.get(way) ?? 0) + 1;
    this.#counts.set(way, count);
    const fate = this.#fateOf(from, to, count);
    this.note(`${way} #${count} ${request.method} ${subjectOf(request.target)}: ${describe(fate)}`);
    const entry = { isAlive, forget: () => undefined as void };
    this.#underWay.add(entry);
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    return new Promise<WireAnswer>((resolve, reject) => {
      const end = (run: () => void) => {
        this.#underWay.delete(entry);
        request.signal.removeEventListener('abort', abort);
        if (isAlive()) run();
      };
      entry.forget = () => request.signal.removeEventListener('abort', abort);
      const abort = () => end(() => reject(request.signal.reason as Error));
      if (request.signal.aborted) return abort();
      request.signal.addEventListener('abort', abort);
      const settle = (run: () => void) => {
        if (!request.signal.aborted) end(run);
      };
      const { method, target, headers, body } = request;
      const delivered = { method, target, headers, body };
      this.#time.after(fate.wayMs, () => {
        if (fate.isLost) return;
        const answer = this.#deliver(from, to, delivered);
        if (!answer) return settle(() => reject(refused(to)));
        answer.then(
          (got) => {
            this.#noteRefusals(`${way} #${count}`, got);
            if (fate.isUnanswered) return;
            this.#time.after(fate.backMs, () => {
              if (!this.#reaches(from, to)) return;
              settle(() => resolve({ ...got, body: Readable.from([got.body]) }));
            });
          },
          (error: unknown) => settle(() => reject(error as Error)),
        );
      });
      if (fate.againMs !== undefined) {
        this.#time.after(fate.againMs, () => {
          this.#deliver(from, to, delivered)?.catch(() => undefined);
        });
      }
    });
  }

  /** What a server has against events, or a whole request, is worth a line. */
  #noteRefusals(what: string, { status, body }: MachineAnswer): void {
    const text = body.toString();
    if (status !== 200) this.note(`${what}: ${status} ${text}`);
    else if (text.startsWith('{"pdus":{') && text.includes('"error"')) this.note(`${what}: ${text}`);
  }

  #deliver(from: string, to: string, request: DeliveredRequest): Promise<MachineAnswer> | undefined {
    if (!this.#reaches(from, to)) return undefined;
    return this.#machines.get(to)?.answer(request);
  }

  #reaches(from: string, to: string): boolean {
    return (this.#sideOf.get(from) ?? 0) === (this.#sideOf.get(to) ?? 0);
  }

  #fateOf(from: string, to: string, count: number) {
    const random = seededBy(this.#seed, from, to, count);
    const { lost, unanswered, repeated, slow } = this.weather;
    const isSlow = random.below(1_000) < slow;
    const wayMs = 5 + random.below(isSlow ? 6_000 : 100);
    const backMs = 5 + random.below(100);
    const isLost = random.below(1_000) < lost;
    const isUnanswered = random.below(1_000) < unanswered;
    const againMs = random.below(1_000) < repeated ? wayMs + random.below(5_000) : undefined;
    return { wayMs, backMs, isLost, isUnanswered, againMs };
  }
}

/** Of a path, what the trace shows: no IDs of transactions. */
function subjectOf(target: string): string {
  return target.replace(/\?.*$/, '').replace(/^\/_matrix\//, '');
}

function describe(fate: {
  wayMs: number;
  isLost: boolean;
  isUnanswered: boolean;
  againMs: number | undefined;
}): string {
  const what = [fate.isLost ? 'lost' : `arrives after ${fate.wayMs} ms`];
  if (fate.isUnanswered) what.push('is not answered');
  if (fate.againMs !== undefined) what.push(`comes again after ${fate.againMs} ms`);
  return what.join(', ');
}

function refused(to: string): Error {
  return Object.assign(new Error(`${to} cannot be reached`), { code: 'ECONNREFUSED' });
}
