import type { ReadPositions } from '../receipts/index.ts';

/** How many events notify, and how many of those are for the user in particular. */
export interface Count {
  notify: number;
  highlight: number;
}

/** What notifies among some events of a room that follow each other. */
interface Stretch {
  /** Its events have positions after this. */
  readonly after: number;
  /** And up to this. */
  upTo: number;
  /** Events looked at. */
  events: number;
  /** By thread; those without are left out. */
  readonly threads: Map<string, Count>;
  /** Position up to which a thread was read when it was counted, where that is within the stretch. */
  readonly readUpTo: Map<string, number>;
  /** Something that was counted is gone: the stretch has to be counted again. */
  isStale: boolean;
}

/** An event as it is counted. */
export interface Judged {
  readonly position: number;
  readonly thread: string;
  readonly notify: boolean;
  readonly highlight: boolean;
  /** The user wrote it: who writes in a thread has read it. */
  readonly isOwn: boolean;
}

/** The same as JSON has it: after, up to, events, [thread, notify, highlight] and [thread, position]. */
type KeptStretch = [number, number, number, [string, number, number][], [string, number][]];
interface Kept {
  readonly version: 2;
  /** What was left out as sent by ignored users. */
  readonly ignored: string;
  readonly stretches: readonly KeptStretch[];
  readonly own: readonly [string, number][];
}

/** Events of a stretch: what has to be counted again when a receipt or a redaction falls into one. */
const STRETCH = 250;
/** Of more events than these stretches hold, the newest count. */
const MOST_STRETCHES = 80;
/** Unread events that are counted in one room at most. */
export const MOST_COUNTED = STRETCH * MOST_STRETCHES;

/**
 * Unread events of one user in one room, counted in stretches. A receipt drops the stretches before it and has the one that
 * it falls into counted again: whatever is unread, one step costs at most one stretch.
 */
export class UnreadTally {
  /** Names the ignored users whose events were left out. */
  readonly ignored: string;
  readonly #stretches: Stretch[];
  /** Where the user wrote last, by thread. */
  readonly #own: Map<string, number>;
  #after: number;

  private constructor(after: number, ignored: string, stretches: Stretch[], own: Map<string, number>) {
    this.#after = after;
    this.ignored = ignored;
    this.#stretches = stretches;
    this.#own = own;
  }

  /** A tally that counts what comes after a position. */
  static startingAt(after: number, ignored: string): UnreadTally {
    return new UnreadTally(after, ignored, [], new Map());
  }

  /** The tally that was written down; undefined when it is of another form. */
  static parse(text: string): UnreadTally | undefined {
    const kept = JSON.parse(text) as Partial<Kept>;
    const { version, ignored, stretches, own } = kept;
    if (version !== 2 || ignored === undefined || !stretches || !own) return undefined;
    return new UnreadTally(stretches[0]?.[0] ?? 0, ignored, stretches.map(stretchOf), new Map(own));
  }

  /** The tally as text, to be written down. */
  toText(): string {
    const stretches = this.#stretches.map((one): KeptStretch => [
      one.after,
      one.upTo,
      one.events,
      [...one.threads].map(([thread, { notify, highlight }]) => [thread, notify, highlight]),
      [...one.readUpTo],
    ]);
    return JSON.stringify({
      version: 2,
      ignored: this.ignored,
      stretches,
      own: [...this.#own],
    } satisfies Kept);
  }

  /** Everything up to this position was looked at. */
  get upTo(): number {
    return this.#stretches.at(-1)?.upTo ?? this.#after;
  }

  /** About how much memory it takes, in numbers of threads. */
  get size(): number {
    return this.#stretches.reduce((sum, one) => sum + 1 + one.threads.size, 1 + this.#own.size);
  }

  /** Forgets everything: what counts comes after a position. */
  restartAt(position: number): void {
    this.#stretches.length = 0;
    this.#own.clear();
    this.#after = position;
  }

  /** Leaves out what comes up to a position. */
  leaveOutUpTo(position: number): void {
    if (this.#stretches.length === 0) this.#after = position;
    else this.#begin(position);
  }

  /** Notes that there is nothing to count up to a position. */
  skipTo(position: number): void {
    const last = this.#stretches.at(-1);
    if (last) last.upTo = Math.max(last.upTo, position);
    else this.#after = Math.max(this.#after, position);
  }

  /**
   * Counts an event later than those before.
   *
   * @returns whether it filled a stretch.
   */
  add(event: Judged): boolean {
    let last = this.#stretches.at(-1);
    if (!last || last.events >= STRETCH) last = this.#begin(this.upTo);
    last.events += 1;
    last.upTo = event.position;
    if (event.isOwn) {
      this.#own.set(event.thread, event.position);
      for (const stretch of this.#stretches) stretch.threads.delete(event.thread);
    } else if (event.notify) count(last.threads, event);
    return last.events === STRETCH;
  }

  /** Notes that what was counted at a position may be gone. */
  invalidate(position: number): void {
    const stretch = this.#stretches.find((one) => position > one.after && position <= one.upTo);
    if (stretch && stretch.threads.size > 0) stretch.isStale = true;
  }

  /**
   * Brings the counts in line with what was read, which never becomes less.
   *
   * @returns the ranges of positions that have to be counted again, with `recount`.
   */
  apply(read: ReadPositions): { after: number; upTo: number }[] {
    const again = this.#stretches.filter((one) => this.#needsRecount(one, read));
    for (let first = this.#stretches[0]; first?.threads.size === 0; first = this.#stretches[0]) {
      this.#after = first.upTo;
      this.#stretches.shift();
    }
    for (const [thread, position] of this.#own) if (position <= this.#start) this.#own.delete(thread);
    return again.map(({ after, upTo }) => ({ after, upTo }));
  }

  /** Counts a stretch again, from its events that are judged anew. */
  recount(range: { after: number; upTo: number }, events: readonly Judged[], read: ReadPositions): void {
    const stretch = this.#stretches.find((one) => one.after === range.after);
    if (!stretch) return;
    stretch.threads.clear();
    stretch.readUpTo.clear();
    stretch.isStale = false;
    for (const event of events) {
      if (event.isOwn || !event.notify) continue;
      const position = this.#readUpTo(read, event.thread);
      if (position > stretch.after) stretch.readUpTo.set(event.thread, position);
      if (event.position > position) count(stretch.threads, event);
    }
  }

  /** Up to where nothing of a thread is unread, or the user wrote there, as far as was looked at. */
  readUpTo(read: ReadPositions, thread: string): number {
    return Math.max(this.#start, this.#readUpTo(read, thread));
  }

  /** The counts by thread; those without are left out. */
  counts(): Map<string, Count> {
    const found = new Map<string, Count>();
    for (const { threads } of this.#stretches) {
      for (const [thread, { notify, highlight }] of threads) {
        const sum = found.get(thread);
        if (!sum) found.set(thread, { notify, highlight });
        else {
          sum.notify += notify;
          sum.highlight += highlight;
        }
      }
    }
    return found;
  }

  get #start(): number {
    return this.#stretches[0]?.after ?? this.#after;
  }

  #begin(after: number): Stretch {
    const stretch: Stretch = {
      ...{ after, upTo: after, events: 0 },
      ...{ threads: new Map(), readUpTo: new Map(), isStale: false },
    };
    this.#stretches.push(stretch);
    if (this.#stretches.length > MOST_STRETCHES) this.#stretches.shift();
    return stretch;
  }

  #needsRecount(stretch: Stretch, read: ReadPositions): boolean {
    let needed = stretch.isStale;
    for (const thread of stretch.threads.keys()) {
      const position = this.#readUpTo(read, thread);
      if (position >= stretch.upTo) stretch.threads.delete(thread);
      else if (position > (stretch.readUpTo.get(thread) ?? stretch.after)) needed = true;
    }
    return needed;
  }

  #readUpTo(read: ReadPositions, thread: string): number {
    return Math.max(
      read.unthreaded,
      read.threads.get(thread) ?? -Infinity,
      this.#own.get(thread) ?? -Infinity,
    );
  }
}

function count(threads: Map<string, Count>, { thread, highlight }: Judged): void {
  let found = threads.get(thread);
  if (!found) threads.set(thread, (found = { notify: 0, highlight: 0 }));
  found.notify += 1;
  if (highlight) found.highlight += 1;
}

function stretchOf([after, upTo, events, threads, readUpTo]: KeptStretch): Stretch {
  const counts = threads.map(([thread, notify, highlight]) => [thread, { notify, highlight }] as const);
  return { after, upTo, events, threads: new Map(counts), readUpTo: new Map(readUpTo), isStale: false };
}
