import { parseServerName, type RoomId, type ServerName } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import type { EventLog } from '../../rooms/events/event-log.ts';

/** A room below a space, as the space's m.space.child event names it. */
export interface SpaceChild {
  readonly roomId: RoomId;
  readonly content: JsonObject;
  readonly sender: string;
  /** Milliseconds since the epoch. */
  readonly originServerTs: number;
}

/** Children of one space that are looked at. */
const MOST_CHILDREN = 2_000;
const PAGE = 500;
/** Servers of one child that are looked at. */
const MOST_VIA = 5;
/** What an `order` may be, or it is ignored (Client-Server API, m.space.child). */
const VALID_ORDER = /^[\x20-\x7e]{1,50}$/;

/**
 * The valid children of a space, in the order in which they are shown (Client-Server API, "Ordering of children within a
 * space").
 */
export async function spaceChildren(log: EventLog, spaceId: RoomId): Promise<SpaceChild[]> {
  const children: SpaceChild[] = [];
  for (let after = ''; children.length < MOST_CHILDREN;) {
    const page = await log.statesOfType(spaceId, 'm.space.child', after, PAGE);
    for (const { stateKey, content, sender, originServerTs } of page) {
      const child = { roomId: stateKey as RoomId, content, sender, originServerTs };
      if (isChild(child)) children.push(child);
    }
    const last = page.at(-1);
    if (!last || page.length < PAGE) break;
    after = last.stateKey ?? '';
  }
  return children.sort(byOrder);
}

/** The valid children in what another server says of its space, in order. */
export function parseSpaceChildren(told: JsonValue | undefined): SpaceChild[] {
  const events = Array.isArray(told) ? told.slice(0, MOST_CHILDREN) : [];
  return events.flatMap((event) => childIn(event) ?? []).sort(byOrder);
}

/** Whether the space suggests the child to its members. */
export function isSuggested(child: SpaceChild): boolean {
  return child.content.suggested === true;
}

/** Servers by which the child can be joined, at most five. */
export function serversOfChild(child: SpaceChild): ServerName[] {
  const via = Array.isArray(child.content.via) ? child.content.via : [];
  const servers = via.flatMap((name) => (typeof name === 'string' ? (parseServerName(name) ?? []) : []));
  return servers.slice(0, MOST_VIA);
}

/** A child as others see it: stripped, with its time. */
export function strippedChild(child: SpaceChild): JsonObject {
  return {
    type: 'm.space.child',
    state_key: child.roomId,
    sender: child.sender,
    content: child.content,
    origin_server_ts: child.originServerTs,
  };
}

function childIn(event: JsonValue): SpaceChild | undefined {
  if (!isJsonObject(event) || event.type !== 'm.space.child' || !isJsonObject(event.content))
    return undefined;
  const { state_key: stateKey, content, sender, origin_server_ts: time } = event;
  if (typeof stateKey !== 'string' || typeof sender !== 'string' || typeof time !== 'number')
    return undefined;
  const child = { roomId: stateKey as RoomId, content, sender, originServerTs: time };
  return isChild(child) ? child : undefined;
}

/** A child without servers to join by was taken out of the space. */
function isChild({ roomId, content }: SpaceChild): boolean {
  const { via } = content;
  return roomId.startsWith('!') && Array.isArray(via) && via.some((server) => typeof server === 'string');
}

function byOrder(a: SpaceChild, b: SpaceChild): number {
  const [orderA, orderB] = [orderOf(a), orderOf(b)];
  if (orderA !== orderB) {
    if (orderA === undefined) return 1;
    if (orderB === undefined) return -1;
    return orderA < orderB ? -1 : 1;
  }
  if (a.originServerTs !== b.originServerTs) return a.originServerTs - b.originServerTs;
  return a.roomId < b.roomId ? -1 : 1;
}

function orderOf(child: SpaceChild): string | undefined {
  const { order } = child.content;
  return typeof order === 'string' && VALID_ORDER.test(order) ? order : undefined;
}
