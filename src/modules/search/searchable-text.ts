import { isJsonObject, type JsonObject } from '../../protocol/json.ts';

/** Keys of events that can be searched (Client-Server API, "room_events"). */
export const SEARCH_KEYS = ['content.body', 'content.name', 'content.topic'] as const;
export type SearchKey = (typeof SEARCH_KEYS)[number];

/** An event's text and the key under which it is searched; undefined for what cannot be searched. */
export function searchableText(event: {
  type: string;
  isState: boolean;
  content: JsonObject;
}): { key: SearchKey; text: string } | undefined {
  const { type, isState, content } = event;
  if (type === 'm.room.message' && !isState) return entry('content.body', content.body);
  if (type === 'm.room.name' && isState) return entry('content.name', content.name);
  if (type !== 'm.room.topic' || !isState) return undefined;
  const plain = plainTopic(content['m.topic']);
  const topic = typeof content.topic === 'string' ? content.topic : '';
  return entry('content.topic', plain === undefined || plain === topic ? topic : `${topic}\n${plain}`);
}

function entry(key: SearchKey, text: unknown): { key: SearchKey; text: string } | undefined {
  return typeof text === 'string' && text !== '' ? { key, text } : undefined;
}

/** The representation of a topic as plain text, which is what one without a type is. */
function plainTopic(topic: unknown): string | undefined {
  const texts = isJsonObject(topic) && Array.isArray(topic['m.text']) ? topic['m.text'] : [];
  for (const one of texts) {
    if (!isJsonObject(one) || typeof one.body !== 'string') continue;
    if (one.mimetype === undefined || one.mimetype === 'text/plain') return one.body;
  }
  return undefined;
}
