import type { RoomId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { EventLog } from '../../rooms/event-log.ts';
import type { StoredEvent } from '../../rooms/stored-event.ts';

/** Children of one space that are looked at. */
const MOST_CHILDREN = 2_000;
const PAGE = 500;
/** What an `order` may be, or it is ignored (Client-Server API, m.space.child). */
const VALID_ORDER = /^[\x20-\x7e]{1,50}$/;

/**
 * The valid m.space.child events of a space, in the order in which they are shown (Client-Server API, "Ordering of
 * children within a space").
 */
export async function spaceChildren(log: EventLog, spaceId: RoomId): Promise<StoredEvent[]> {
  const children: StoredEvent[] = [];
  for (let after = ''; children.length < MOST_CHILDREN;) {
    const page = await log.statesOfType(spaceId, 'm.space.child', after, PAGE);
    children.push(...page.filter(isChild));
    const last = page.at(-1);
    if (!last || page.length < PAGE) break;
    after = last.stateKey ?? '';
  }
  return children.sort(byOrder);
}

/** Whether the space suggests the child to its members. */
export function isSuggested(child: StoredEvent): boolean {
  return child.content.suggested === true;
}

/** A child as others see it: stripped, with its time. */
export function strippedChild(child: StoredEvent): JsonObject {
  return {
    type: child.type,
    state_key: child.stateKey ?? '',
    sender: child.sender,
    content: child.content,
    origin_server_ts: child.originServerTs,
  };
}

/** A child without servers to join by was taken out of the space. */
function isChild(event: StoredEvent): boolean {
  const { via } = event.content;
  const named = event.stateKey?.startsWith('!') === true;
  return named && Array.isArray(via) && via.some((server) => typeof server === 'string');
}

function byOrder(a: StoredEvent, b: StoredEvent): number {
  const [orderA, orderB] = [orderOf(a), orderOf(b)];
  if (orderA !== orderB) {
    if (orderA === undefined) return 1;
    if (orderB === undefined) return -1;
    return orderA < orderB ? -1 : 1;
  }
  if (a.originServerTs !== b.originServerTs) return a.originServerTs - b.originServerTs;
  return (a.stateKey ?? '') < (b.stateKey ?? '') ? -1 : 1;
}

function orderOf(child: StoredEvent): string | undefined {
  const { order } = child.content;
  return typeof order === 'string' && VALID_ORDER.test(order) ? order : undefined;
}
