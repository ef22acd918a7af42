import { splitStateKey, stateKeyOf, type StateKey } from '../../protocol/events/event.ts';
import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import type { EventLog } from '../../rooms/events/event-log.ts';
import type { StateTries } from '../../rooms/state/state-trie.ts';
import { rootFromBytes, type StateRoot, type StoredEvent } from '../../rooms/events/stored-event.ts';
import type { Reader } from '../../storage/database.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import * as currentStateStore from '../../storage/rooms/current-state-store.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';

/** Members that stand for a room without a name. */
const HEROES = 5;
/** Who joins a room with no more members than this, past ones and itself included, is given all of them. */
const FEW_MEMBERS = 2;
const MEMBER = 'm.room.member';

/** What the state given to a server that joins is read from. */
export interface JoinStateNeeds {
  readonly reader: Reader;
  readonly log: EventLog;
  readonly tries: StateTries;
}

/**
 * The state before a join, for the server that joined.
 *
 * @param mayOmit whether members may be left out that the state's events do not need. What it costs then does not depend
 *   on how many there are.
 * @returns `omits`: whether members were left out.
 */
export async function stateForJoin(
  needs: JoinStateNeeds,
  roomId: RoomId,
  join: StoredEvent,
  mayOmit: boolean,
): Promise<{ state: StoredEvent[]; omits: boolean }> {
  const omits = mayOmit && (await currentStateStore.hasMoreOf(needs.reader, roomId, MEMBER, FEW_MEMBERS));
  if (omits) return { state: await withoutMembers(needs, roomId, join), omits };
  const entries = new Map(await needs.tries.entries(join.stateRoot));
  const own = stateKeyOf(MEMBER, join.sender);
  if (join.replaces === undefined) entries.delete(own);
  else entries.set(own, join.replaces);
  return { state: await needs.log.byIds([...entries.values()]), omits };
}

/** Everything but members, and those by whom a room without a name is known. */
async function withoutMembers(
  { reader, log, tries }: JoinStateNeeds,
  roomId: RoomId,
  join: StoredEvent,
): Promise<StoredEvent[]> {
  const entries = await presentWithoutMembers({ reader, log, tries }, roomId, join.stateRoot);
  const isNamed = ['m.room.name', 'm.room.canonical_alias'].some((type) => entries.has(stateKeyOf(type, '')));
  if (!isNamed) {
    const members = await membershipsStore.first(reader, roomId, ['join', 'invite'], HEROES + 1);
    for (const userId of members.filter((member) => member !== join.sender).slice(0, HEROES)) {
      const key = stateKeyOf(MEMBER, userId);
      const eventId = await tries.get(join.stateRoot, key);
      if (eventId !== undefined) entries.set(key, eventId);
    }
  }
  return log.byIds([...entries.values()]);
}

/**
 * The entries of a state that are no members. It most likely is the present state, of which the members can be skipped
 * where it is read; what differs between the two is added.
 */
async function presentWithoutMembers(
  { reader, log, tries }: JoinStateNeeds,
  roomId: RoomId,
  root: StateRoot,
): Promise<Map<StateKey, EventId>> {
  const present = await presentRoot(reader, roomId);
  const entries = new Map<StateKey, EventId>();
  for (const event of await log.stateWithoutMembers(roomId)) {
    entries.set(stateKeyOf(event.type, event.stateKey ?? ''), event.eventId);
  }
  if (present === undefined || present !== (await presentRoot(reader, roomId))) {
    const all = await tries.entries(root);
    return new Map(all.filter(([key]) => splitStateKey(key).type !== MEMBER));
  }
  for (const { key, after } of await tries.difference(present, root)) {
    if (splitStateKey(key).type === MEMBER) continue;
    if (after === undefined) entries.delete(key);
    else entries.set(key, after);
  }
  return entries;
}

async function presentRoot(reader: Reader, roomId: RoomId): Promise<StateRoot | undefined> {
  const row = await roomsStore.byId(reader, roomId);
  return row && rootFromBytes(row.state_root);
}
