import { eventId, type EventId } from '../../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../../protocol/json.ts';
import { badJson, MatrixError } from '../../../protocol/matrix-error.ts';

/** The body of a request as an event's content. 400 M_BAD_JSON for anything but an object. */
export function eventContent(body: unknown): JsonObject {
  if (!isJsonObject(body)) throw badJson('The content of an event must be a JSON object');
  return body;
}

/** The event that a redaction sent as an ordinary event names in its content. */
export function redactionTarget(content: JsonObject): EventId {
  if (typeof content.redacts !== 'string') {
    throw new MatrixError(400, 'M_MISSING_PARAM', 'A redaction must name the event to redact in "redacts"');
  }
  return eventId(content.redacts);
}

/**
 * Refuses messages that no client can show (Client-Server API, "Instant Messaging").
 *
 * @throws MatrixError 400 M_BAD_JSON for an m.room.message without a msgtype or a body.
 */
export function assertShowable(type: string, { msgtype, body }: JsonObject): void {
  if (type !== 'm.room.message' || (typeof msgtype === 'string' && typeof body === 'string')) return;
  throw badJson('An m.room.message must have "msgtype" and "body", both strings');
}
