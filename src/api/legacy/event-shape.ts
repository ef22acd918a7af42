import { hash } from 'node:crypto';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';

/** What today stands in `unsigned` and in 2015 stood beside `content`. */
const LIFTED = ['age', 'prev_content', 'replaces_state', 'redacted_because'] as const;

/**
 * An event of a room as version 1 of the API of 2015 had it: who sent it is `user_id`, and what today is `unsigned` stands
 * beside the content (event schemas of 2015, "core-event-schema"). What 2015 did not know of, such as aggregations, is
 * left out.
 *
 * @param event - The event as today's API gives it. One that is no event of a room is given back with its `user_id`.
 */
export function v1Event(event: JsonObject): JsonObject {
  const { sender, unsigned, ...rest } = withContentOf2015(event);
  const shaped: JsonObject = { ...rest };
  if (sender !== undefined) shaped.user_id = sender;
  const annotations = isJsonObject(unsigned) ? unsigned : {};
  for (const key of LIFTED) {
    const value = annotations[key];
    if (value !== undefined) shaped[key] = key === 'redacted_because' ? nested(value, v1Event) : value;
  }
  return shaped;
}

/**
 * An event of a room as version 2 alpha had it: `sender` and `unsigned` as today, with the transaction ID under its old
 * name, and the keys of the event schemas of 2015 beside the content, too.
 */
export function alphaEvent(event: JsonObject): JsonObject {
  const { unsigned, ...rest } = withContentOf2015(event);
  if (!isJsonObject(unsigned)) return rest;
  const {
    'm.relations': _relations,
    membership: _membership,
    transaction_id: txnId,
    ...annotations
  } = unsigned;
  if (txnId !== undefined) annotations.txn_id = txnId;
  const shaped: JsonObject = { ...rest, unsigned: annotations };
  const { prev_content: before, redacted_because: because } = annotations;
  if (before !== undefined) shaped.prev_content = before;
  if (because !== undefined) {
    shaped.redacted_because = nested(because, alphaEvent);
    annotations.redacted_because = shaped.redacted_because;
  }
  return shaped;
}

/**
 * A presence event as version 1 had it: whose presence it is stands in the content, and it has an ID, which no other event
 * refers to (schema "m.presence" of 2015).
 */
export function v1Presence(event: JsonObject): JsonObject {
  const { sender, content, ...rest } = event;
  if (!isJsonObject(content) || sender === undefined) return event;
  const shaped: JsonObject = { ...rest, content: { ...presenceOf2015(content), user_id: sender } };
  shaped.event_id = `$${hash('sha256', JSON.stringify(shaped), 'base64url')}`;
  return shaped;
}

/** What a presence event says, in the states of 2015: today one who is free for chat is online, with a mark of that. */
export function presenceOf2015({ free_for_chat: isFree, ...content }: JsonObject): JsonObject {
  return isFree === true ? { ...content, presence: 'free_for_chat' } : content;
}

/** Any event of a stream, of a room or not, as version 1 had it. */
export function v1StreamEvent(event: JsonObject): JsonObject {
  return event.type === 'm.presence' ? v1Presence(event) : v1Event(event);
}

/** The event with what its schema of 2015 demands and the newest room versions no longer write: the creator of a room. */
function withContentOf2015(event: JsonObject): JsonObject {
  const { type, content, sender } = event;
  if (!isJsonObject(content)) return event;
  if (type === 'm.room.create' && content.creator === undefined && sender !== undefined) {
    return { ...event, content: { ...content, creator: sender } };
  }
  return event;
}

function nested(value: JsonValue, shape: (event: JsonObject) => JsonObject): JsonValue {
  return isJsonObject(value) ? shape(value) : value;
}
