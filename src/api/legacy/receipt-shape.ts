import { isJsonObject, type JsonObject } from '../../protocol/json.ts';

/** That somebody has read up to an event. */
interface Receipt {
  readonly eventId: string;
  readonly type: string;
  readonly userId: string;
  readonly said: JsonObject;
}

/**
 * Events that pass by, with the receipts of 2015 ("Receipts"): one event for each room, in which each user has read up to
 * one event. What is read in a thread alone is left out: a receipt then meant everything up to its event. Of receipts for
 * the whole room and for the main timeline the newest is told.
 */
export function withReceiptsOf2015(events: readonly JsonObject[]): JsonObject[] {
  const isReceipt = ({ type }: JsonObject) => type === 'm.receipt';
  const byRoom = Map.groupBy(events.filter(isReceipt), (event) => event.room_id);
  return events.flatMap((event) => {
    if (!isReceipt(event)) return [event];
    const ofRoom = byRoom.get(event.room_id) ?? [];
    if (ofRoom[0] !== event) return [];
    const content = contentOf(newestOfEach(ofRoom.flatMap(receiptsIn)));
    return Object.keys(content).length === 0 ? [] : [{ ...event, content }];
  });
}

function receiptsIn({ content }: JsonObject): Receipt[] {
  return entriesOf(content).flatMap(([eventId, types]) =>
    entriesOf(types).flatMap(([type, users]) =>
      entriesOf(users).flatMap(([userId, said]) =>
        isJsonObject(said) ? [{ eventId, type, userId, said }] : [],
      ),
    ),
  );
}

function newestOfEach(receipts: readonly Receipt[]): Iterable<Receipt> {
  const newest = new Map<string, Receipt>();
  for (const receipt of receipts) {
    const { thread_id: thread } = receipt.said;
    if (thread !== undefined && thread !== 'main') continue;
    const key = `${receipt.type}\0${receipt.userId}`;
    const other = newest.get(key);
    if (!other || timeOf(receipt) > timeOf(other)) newest.set(key, receipt);
  }
  return newest.values();
}

function contentOf(receipts: Iterable<Receipt>): JsonObject {
  const content: Record<string, Record<string, JsonObject>> = {};
  for (const { eventId, type, userId, said } of receipts) {
    ((content[eventId] ??= {})[type] ??= {})[userId] = said;
  }
  return content;
}

function entriesOf(value: JsonObject[string]) {
  return isJsonObject(value) ? Object.entries(value) : [];
}

function timeOf({ said: { ts } }: Receipt): number {
  return typeof ts === 'number' ? ts : 0;
}
