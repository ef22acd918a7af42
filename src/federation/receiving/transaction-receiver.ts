import { boundedCache } from '../../platform/bounded-cache.ts';
import { nextTurn } from '../../platform/next-turn.ts';
import { assertNoNulKey, assertWellFormed, MAX_SENT_DEPTH } from '../../protocol/canonical-json.ts';
import { parseRoomId, type RoomId, type ServerName } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { invalidParam, MatrixError } from '../../protocol/matrix-error.ts';
import type { EduHandlers } from './edu-handlers.ts';
import type { PduReceiver, PduResult } from './pdu-receiver.ts';

/** What a transaction may hold at most (Server-Server API, "Transactions"). */
export const MOST_PDUS = 50;
export const MOST_EDUS = 100;
/** Answers kept for transactions that come again, and how long what an answer says against an event may be. */
const MOST_ANSWERS = 2_000;
const LONGEST_ERROR = 300;

/** The parts of a transaction. */
export interface IncomingTransaction {
  readonly pdus: readonly JsonValue[];
  readonly edus: readonly JsonValue[];
}

/**
 * Takes in transactions. One that comes again, while it is worked on or later, gets the same answer. Answers are kept in
 * memory only: what a transaction holds is taken once in any case, by the IDs of its events and messages.
 */
export class TransactionReceiver {
  readonly #pdus: PduReceiver;
  readonly #edus: EduHandlers;
  readonly #answers = boundedCache<string, Promise<JsonObject>>(MOST_ANSWERS);

  constructor(pdus: PduReceiver, edus: EduHandlers) {
    this.#pdus = pdus;
    this.#edus = edus;
  }

  /**
   * Takes in a transaction. Resolves with what became of each event, when those that were taken are durable.
   *
   * @throws MatrixError 400 M_INVALID_PARAM for one that is too large.
   */
  async receive(origin: ServerName, txnId: string, transaction: IncomingTransaction): Promise<JsonObject> {
    if (transaction.pdus.length > MOST_PDUS || transaction.edus.length > MOST_EDUS) {
      throw invalidParam(`A transaction may hold ${MOST_PDUS} PDUs and ${MOST_EDUS} EDUs, not more`);
    }
    const key = `${origin} ${txnId}`;
    const known = this.#answers.get(key);
    if (known) return known;
    const answer = this.#process(origin, transaction);
    this.#answers.set(key, answer);
    answer.catch(() => this.#answers.delete(key));
    return answer;
  }

  /** What cannot be taken of a transaction keeps nothing else of it from being taken. */
  async #process(origin: ServerName, transaction: IncomingTransaction): Promise<JsonObject> {
    const answer: Record<string, JsonObject> = {};
    const pdus = transaction.pdus.filter((pdu) => {
      const error = whyRefused(pdu);
      // The ID of any other event is a hash of what cannot be encoded.
      if (error !== undefined && isJsonObject(pdu) && typeof pdu.event_id === 'string')
        answer[pdu.event_id] = toJson({ error });
      return error === undefined;
    });
    const edus = transaction.edus.filter((edu) => whyRefused(edu) === undefined);
    const rooms = [...byRoom(pdus)].map(([roomId, ofRoom]) => this.#pdus.receive(origin, roomId, ofRoom));
    const [results] = await Promise.all([
      Promise.all(rooms),
      this.#takeEdus(
        origin,
        edus.filter((edu) => !isAboutEvents(edu)),
      ),
    ]);
    await this.#takeEdus(origin, edus.filter(isAboutEvents));
    // Who waits for these events in /sync is answered first: the server that sent them can wait a little.
    await nextTurn();
    for (const ofRoom of results) for (const [eventId, result] of ofRoom) answer[eventId] = toJson(result);
    return { pdus: answer };
  }

  /** In their order: messages to devices come in one. */
  async #takeEdus(origin: ServerName, edus: readonly JsonValue[]): Promise<void> {
    for (const edu of edus) {
      if (!isJsonObject(edu) || typeof edu.edu_type !== 'string' || !isJsonObject(edu.content)) continue;
      await this.#edus.take(origin, edu.edu_type, edu.content);
    }
  }
}

/** Why a part of a transaction cannot be stored, whatever it is; undefined when it can. */
function whyRefused(part: JsonValue): string | undefined {
  try {
    assertWellFormed(part, MAX_SENT_DEPTH);
    assertNoNulKey(part);
    return undefined;
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
    return error.message;
  }
}

/** Whether an EDU means nothing before the events are there that may have come with it. */
function isAboutEvents(edu: JsonValue): boolean {
  return isJsonObject(edu) && edu.edu_type === 'm.receipt';
}

/** Events by room, in their order. What names no room cannot be placed, nor answered for. */
function byRoom(pdus: readonly JsonValue[]): Map<RoomId, JsonObject[]> {
  const rooms = new Map<RoomId, JsonObject[]>();
  for (const pdu of pdus) {
    if (!isJsonObject(pdu) || typeof pdu.room_id !== 'string') continue;
    const roomId = parseRoomId(pdu.room_id);
    if (roomId === undefined) continue;
    const ofRoom = rooms.get(roomId);
    if (ofRoom) ofRoom.push(pdu);
    else rooms.set(roomId, [pdu]);
  }
  return rooms;
}

function toJson(result: PduResult): JsonObject {
  return result.error === undefined ? {} : { error: result.error.slice(0, LONGEST_ERROR) };
}
