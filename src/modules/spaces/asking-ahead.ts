import type { Timer, Timers } from '../../platform/timers.ts';
import type { RoomId, ServerName } from '../../protocol/identifiers.ts';
import type { OutsideMemberships } from '../../rooms/membership/outside-memberships.ts';
import type { RemoteSpaces, RoomWithChildren } from './remote-spaces.ts';

/** A room that is not here, as far as is known. */
export interface RoomElsewhere {
  readonly roomId: RoomId;
  /** Servers that may know it. */
  readonly servers: readonly ServerName[];
}

/** Rooms for which other servers are asked for one page. */
const MOST_ASKED = 100;
/** Rooms that are asked for at the same time, ahead of the walk. */
const AHEAD = 8;
/** How long one page waits for other servers in all, in milliseconds: longer than one of them is waited for. */
const PATIENCE_MS = 12_000;

/**
 * Asks other servers for the rooms of one page, some at the same time, ahead of the walk. What has not come when the time of
 * the page is over is left out of it, unless it is known from before.
 */
export class AskingAhead {
  readonly #outside: OutsideMemberships;
  readonly #elsewhere: RemoteSpaces;
  readonly #here = new Set<RoomId>();
  readonly #asked = new Map<RoomId, Promise<RoomWithChildren | undefined>>();
  readonly #over: Promise<undefined>;
  readonly #timer: Timer;
  #isOver = false;

  constructor(needs: { outside: OutsideMemberships; elsewhere: RemoteSpaces; timers: Timers }) {
    this.#outside = needs.outside;
    this.#elsewhere = needs.elsewhere;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#over = promise;
    this.#timer = needs.timers.after(PATIENCE_MS, () => {
      this.#isOver = true;
      resolve(undefined);
    });
  }

  /** Whether the room is here, so that nobody has to be asked. */
  async isHere(roomId: RoomId): Promise<boolean> {
    if (this.#here.has(roomId)) return true;
    const isHere = await this.#outside.isHere(roomId);
    if (isHere) this.#here.add(roomId);
    return isHere;
  }

  /**
   * A room that is not here, as another server tells of it.
   *
   * @param upcoming where the walk is likely to go from here, the nearest first.
   */
  async find(room: RoomElsewhere, upcoming: readonly RoomElsewhere[]): Promise<RoomWithChildren | undefined> {
    const asked = this.#ask(room);
    for (const next of upcoming.slice(0, AHEAD - 1)) {
      if (this.#asked.has(next.roomId) || (await this.isHere(next.roomId))) continue;
      // Whoever comes to that room is told of what goes wrong.
      this.#ask(next).catch(() => undefined);
    }
    return (await Promise.race([asked, this.#over])) ?? this.#elsewhere.known(room.roomId, room.servers);
  }

  /** The page is done. */
  end(): void {
    this.#timer.cancel();
  }

  #ask({ roomId, servers }: RoomElsewhere): Promise<RoomWithChildren | undefined> {
    let asked = this.#asked.get(roomId);
    if (!asked) {
      const mayAsk = !this.#isOver && this.#asked.size < MOST_ASKED;
      asked = mayAsk ? this.#elsewhere.find(roomId, servers) : Promise.resolve(undefined);
      this.#asked.set(roomId, asked);
    }
    return asked;
  }
}
