import type { UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { invalidParam, notFound, type MatrixError } from '../../protocol/matrix-error.ts';
import type { Reader } from '../../storage/database.ts';
import * as store from '../../storage/rooms/delayed-events-store.ts';
import type { DelayedEventRow } from '../../storage/rooms/delayed-events-store.ts';
import * as finalisedStore from '../../storage/rooms/finalised-events-store.ts';
import type { FinalisedEventRow, FinalisedPlace } from '../../storage/rooms/finalised-events-store.ts';
import { keptSince } from './finalised-events.ts';

const PAGE = 50;
/** Tokens of places among those that are finalised; others are IDs of events that wait. */
const FINALISED = /^finalised_(\d{1,15})_(.+)$/;
const NEWEST: FinalisedPlace = { at: Number.MAX_SAFE_INTEGER, id: '' };

/** Whether events wait or not; both when it is not said. */
export type Status = 'scheduled' | 'finalised';

/** A page of a user's delayed events. */
export interface DelayedPage {
  readonly scheduled: readonly JsonObject[];
  /** The latest first. */
  readonly finalised: readonly JsonObject[];
  readonly nextBatch?: string | undefined;
}

/** What users are told of their delayed events (MSC4140), those that wait and those that are finalised. */
export class DelayedEventLists {
  readonly #database: Reader;
  readonly #clock: { now(): number };

  constructor(database: Reader, clock: { now(): number }) {
    this.#database = database;
    this.#clock = clock;
  }

  /**
   * A user's events, a page of at most 50 of each kind: those that wait come first.
   *
   * @throws MatrixError 400 M_INVALID_PARAM for a token of the other kind.
   */
  async page(userId: UserId, { status, from }: { status?: Status; from?: string }): Promise<DelayedPage> {
    const isFinalised = status === 'finalised' || from?.startsWith('finalised_') === true;
    if (isFinalised && status === 'scheduled') throw misplaced();
    if (isFinalised) return { scheduled: [], ...(await this.#finalised(userId, from)) };
    const rows = await store.ofUser(this.#database, userId, from ?? '', PAGE + 1);
    const scheduled = rows.slice(0, PAGE).map(event);
    if (rows.length > PAGE) return { scheduled, finalised: [], nextBatch: rows[PAGE - 1]?.id };
    if (status === 'scheduled') return { scheduled, finalised: [] };
    return { scheduled, ...(await this.#finalised(userId, undefined)) };
  }

  /** Those of a user's events that have one of at most 50 IDs. */
  async among(userId: UserId, ids: readonly string[], status: Status | undefined): Promise<DelayedPage> {
    const waiting = status === 'finalised' ? [] : await store.ofUserAmong(this.#database, userId, ids);
    const finalised =
      status === 'scheduled'
        ? []
        : await finalisedStore.ofUserAmong(this.#database, userId, ids, this.#since());
    return { scheduled: waiting.map(event), finalised: finalised.map(finalisedEvent) };
  }

  /** One of a user's events. 404 for an ID that is not known, or another's. */
  async one(userId: UserId, id: string): Promise<JsonObject> {
    const waiting = await store.byId(this.#database, id);
    if (waiting?.user_id === userId) return lookup(waiting);
    const finalised = await finalisedStore.byId(this.#database, id, this.#since());
    if (finalised?.user_id === userId) return { ...lookup(finalised), finalised: outcome(finalised) };
    throw notFound('You have no delayed event with this ID');
  }

  async #finalised(userId: UserId, from: string | undefined): Promise<Omit<DelayedPage, 'scheduled'>> {
    const before = from === undefined ? NEWEST : placeOf(from);
    const wanted = { since: this.#since(), before, limit: PAGE + 1 };
    const rows = await finalisedStore.ofUser(this.#database, userId, wanted);
    const last = rows.length > PAGE ? rows[PAGE - 1] : undefined;
    return {
      finalised: rows.slice(0, PAGE).map(finalisedEvent),
      nextBatch: last && `finalised_${last.finalised_at}_${last.id}`,
    };
  }

  #since(): number {
    return keptSince(this.#clock.now());
  }
}

function placeOf(token: string): FinalisedPlace {
  const [, at, id] = FINALISED.exec(token) ?? [];
  if (at === undefined || id === undefined) throw misplaced();
  return { at: Number(at), id };
}

function misplaced(): MatrixError {
  return invalidParam('"from" must be a "next_batch" of a list with the same "status"');
}

type Row = DelayedEventRow | FinalisedEventRow;

/** An event as lists have it. */
function event(row: Row): JsonObject {
  return { ...partsOf(row), delay: row.delay, running_since: row.running_since };
}

/** An event as one that is asked for by its ID. */
function lookup(row: Row): JsonObject {
  return { ...partsOf(row), delay_ms: row.delay, delayed_since_ts: row.running_since };
}

function partsOf(row: Row): JsonObject {
  const { id, room_id, type, state_key } = row;
  const parts = { delay_id: id, room_id, type, content: JSON.parse(row.content) as JsonObject };
  return state_key === null ? parts : { ...parts, state_key };
}

function finalisedEvent(row: FinalisedEventRow): JsonObject {
  const { finalised_ts, ...rest } = outcome(row);
  return {
    delayed_event: event(row),
    outcome: row.event_id === null ? 'cancel' : 'send',
    reason: row.error === null ? (row.was_asked === 1 ? 'action' : 'delay') : 'error',
    ...rest,
    origin_server_ts: finalised_ts,
  };
}

function outcome(row: FinalisedEventRow) {
  return {
    finalised_ts: row.finalised_at,
    ...(row.event_id === null ? {} : { event_id: row.event_id }),
    ...(row.error === null ? {} : { error: JSON.parse(row.error) as JsonObject }),
  };
}
