import {
  serverNameOf,
  type EventId,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';
import { MatrixError, notFound } from '../../protocol/matrix-error.ts';
import type { Timeline } from '../../rooms/reading/timeline.ts';
import type { Visibility } from '../../rooms/reading/visibility.ts';
import type { Database } from '../../storage/database.ts';
import * as reportsStore from '../../storage/accounts/reports-store.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import * as usersStore from '../../storage/accounts/users-store.ts';

/** Reports kept of one user, and bytes of a reason. */
const MOST_OF_REPORTER = 1_000;
const LONGEST_REASON = 8_192;

/** Called for each report that was taken. */
type Listener = (report: reportsStore.Report) => void;

/** Takes what people report to the administrators (Client-Server API, "Reporting Content"). */
export class Reports {
  readonly #needs: {
    readonly database: Database;
    readonly timeline: Timeline;
    readonly visibility: Visibility;
    readonly clock: { now(): number };
    readonly opaque: (length: number) => string;
    readonly serverName: ServerName;
  };
  readonly #listeners: Listener[] = [];

  constructor(needs: {
    database: Database;
    timeline: Timeline;
    visibility: Visibility;
    clock: { now(): number };
    opaque: (length: number) => string;
    serverName: ServerName;
  }) {
    this.#needs = needs;
  }

  /** Who else wants to know of reports. */
  onReport(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** Reports an event. 404 for one that the reporter may not see, as if it were not there. */
  async event(
    reporter: UserId,
    target: { roomId: RoomId; eventId: EventId },
    said: { reason: string | undefined; score: number | undefined },
  ): Promise<void> {
    const { visibility, timeline } = this.#needs;
    const access = await visibility.access(target.roomId, reporter);
    if (access.membership !== 'join') throw notFound('There is no such event, or you are not in its room');
    await timeline.event(access, target.eventId);
    await this.#take(reporter, target, said);
  }

  /**
   * Reports a room, which the reporter need not be in; also one of other servers to which they are invited. 404 for an unknown
   * one.
   */
  async room(reporter: UserId, roomId: RoomId, reason: string): Promise<void> {
    const { database } = this.#needs;
    const isKnown =
      (await roomsStore.byId(database, roomId)) ?? (await membershipsStore.of(database, reporter, roomId));
    if (!isKnown) throw notFound('There is no such room');
    await this.#take(reporter, { roomId }, { reason });
  }

  /** Reports a user. 404 for one of this server who is not there; those of other servers need not be known here. */
  async user(reporter: UserId, userId: UserId, reason: string): Promise<void> {
    const { database, serverName } = this.#needs;
    const isOwn = serverNameOf(userId) === serverName;
    if (isOwn && !(await usersStore.byId(database, userId))) throw notFound('There is no such user');
    await this.#take(reporter, { userId }, { reason });
  }

  /** The newest reports, at most `limit`. */
  latest(limit: number): Promise<reportsStore.ReportRow[]> {
    return reportsStore.latest(this.#needs.database, limit);
  }

  async #take(
    reporter: UserId,
    target: { roomId?: RoomId; eventId?: EventId; userId?: UserId },
    said: { reason: string | undefined; score?: number | undefined },
  ): Promise<void> {
    const reason = said.reason ?? '';
    if (Buffer.byteLength(reason) > LONGEST_REASON) {
      throw new MatrixError(413, 'M_TOO_LARGE', `The reason of a report may have ${LONGEST_REASON} bytes`);
    }
    const report: reportsStore.Report = {
      id: this.#needs.opaque(18),
      reporter,
      receivedAt: this.#needs.clock.now(),
      roomId: target.roomId,
      eventId: target.eventId,
      userId: target.userId,
      reason,
      score: said.score,
    };
    const unit = new UnitOfWork();
    reportsStore.add(unit, report, MOST_OF_REPORTER);
    await this.#needs.database.commit(unit);
    for (const listener of this.#listeners) listener(report);
  }
}
