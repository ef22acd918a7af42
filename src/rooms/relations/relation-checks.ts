import type { EventId, UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { Reader } from '../../storage/database.ts';
import * as eventsStore from '../../storage/rooms/events-store.ts';
import * as relationsStore from '../../storage/rooms/relations-store.ts';
import { StoredEvent } from '../events/stored-event.ts';

/** A message that may relate to another event. */
interface RelatingMessage {
  readonly sender: UserId;
  readonly type: string;
  readonly content: JsonObject;
}

/** The event that a message annotates, if it does. */
export function annotated(content: JsonObject): EventId | undefined {
  const relates = content['m.relates_to'];
  if (!isJsonObject(relates) || relates.rel_type !== 'm.annotation') return undefined;
  return typeof relates.event_id === 'string' ? (relates.event_id as EventId) : undefined;
}

/**
 * Checks what a message may not be to another event.
 *
 * @throws MatrixError 400 M_DUPLICATE_ANNOTATION when the sender annotated the event with the same key (Client-Server API,
 *   "Avoiding duplicate annotations"), 400 M_UNKNOWN for a thread on an event that itself relates to another ("Validation
 *   of m.thread relationships").
 */
export async function checkRelation(reader: Reader, message: RelatingMessage): Promise<void> {
  const relates = message.content['m.relates_to'];
  if (!isJsonObject(relates)) return;
  const { rel_type: relType, event_id: parentId, key } = relates;
  if (typeof parentId !== 'string') return;
  if (relType === 'm.thread') await checkRoot(reader, parentId as EventId);
  if (relType !== 'm.annotation' || typeof key !== 'string') return;
  const annotation = { sender: message.sender, type: message.type, key };
  if (await relationsStore.hasAnnotation(reader, parentId as EventId, annotation)) {
    throw new MatrixError(
      400,
      'M_DUPLICATE_ANNOTATION',
      'You already reacted to this event with the same key',
    );
  }
}

async function checkRoot(reader: Reader, rootId: EventId): Promise<void> {
  const row = await eventsStore.byId(reader, rootId);
  if (row === undefined || new StoredEvent(row).relation === undefined) return;
  throw new MatrixError(
    400,
    'M_UNKNOWN',
    'A thread cannot begin at an event that itself relates to another: name the root of that thread',
  );
}
