import { stateKeyOf, type StateKey } from '../../../protocol/events/event.ts';
import type { EventId } from '../../../protocol/identifiers.ts';
import * as authChains from '../../../storage/rooms/auth-chains-store.ts';
import type { Reader } from '../../../storage/database.ts';
import type { StoredEvent } from '../../events/stored-event.ts';
import { bytesOf, nameOf, placesOf, type AuthPlace, type ChainName } from './auth-chain-index.ts';
import { AuthLinks, AuthReach } from './auth-reach.ts';

/** States whose auth difference is asked for. */
export interface ChainConflict {
  readonly reader: Reader;
  /** For each key in conflict its event in each state. */
  readonly conflicted: ReadonlyMap<StateKey, readonly (EventId | undefined)[]>;
  /** The event of a key on which all states agree; undefined also for a key in conflict. */
  readonly agreed: (key: StateKey) => Promise<EventId | undefined>;
  readonly eventsOf: (ids: readonly EventId[]) => Promise<Map<EventId, StoredEvent>>;
  /** State events of the room that are not in the index. */
  readonly unplaced: ReadonlyMap<
    EventId,
    { readonly key: StateKey; readonly authEventIds: readonly EventId[] }
  >;
}

/** Links looked at in one step when it is asked who reaches an event, and chains looked at in all. */
const LINKS = 200;
const MOST_CHAINS = 20_000;
const CREATE = 'm.room.create';

/**
 * The auth difference of states (Room Versions 2 and 12, "Definitions"), by the index of auth chains. What it costs grows
 * with the difference, and with how many chains are reached, not with their length. All reach m.room.create, so that is no
 * part of it.
 *
 * @returns undefined where the index cannot say: then the auth chains have to be walked.
 */
export async function authChainDifference(conflict: ChainConflict): Promise<Set<EventId> | undefined> {
  if (conflict.conflicted.has(stateKeyOf(CREATE, ''))) return undefined;
  const links = new AuthLinks(conflict.reader);
  const reaches = await reachOfEach(conflict, links);
  const shared = await reachOfUnplaced(conflict, links);
  if (!(await areAllKnown(conflict, [...reaches, shared]))) return undefined;
  const difference = new Set<EventId>();
  for (const id of new Set(reaches.flatMap((reach) => [...reach.unplaced]))) {
    if (!shared.unplaced.has(id) && !reaches.every((reach) => reach.unplaced.has(id))) difference.add(id);
  }
  for (const chain of new Set(reaches.flatMap((reach) => [...reach.places.keys()]))) {
    const into = reaches.map((reach) => reach.into(chain));
    const range = { after: Math.max(Math.min(...into), shared.into(chain)), upTo: Math.max(...into) };
    const after = await reachedByAgreed(conflict, chain, range);
    if (after === undefined) return undefined;
    if (after >= range.upTo) continue;
    const ids = await authChains.between(conflict.reader, bytesOf(chain), after, range.upTo);
    for (const id of ids) difference.add(id);
  }
  return difference;
}

/** What the conflicting events of each state reach. */
async function reachOfEach(conflict: ChainConflict, links: AuthLinks): Promise<AuthReach[]> {
  const candidates = [...conflict.conflicted.values()];
  const all = new Set(candidates.flat().filter((id) => id !== undefined));
  const events = await conflict.eventsOf([...all]);
  const count = candidates[0]?.length ?? 0;
  const reaches: AuthReach[] = [];
  for (let i = 0; i < count; i++) {
    const cited = new Set<EventId>();
    for (const ofKey of candidates) {
      const id = ofKey[i];
      for (const auth of (id === undefined ? undefined : events.get(id))?.authEventIds ?? []) cited.add(auth);
    }
    const reach = new AuthReach();
    await reach.add(cited, conflict.unplaced, links);
    reaches.push(reach);
  }
  return reaches;
}

/** What those events reach on which all states agree and that are not in the index. */
async function reachOfUnplaced(conflict: ChainConflict, links: AuthLinks): Promise<AuthReach> {
  const reach = new AuthReach();
  for (const [id, { key, authEventIds }] of conflict.unplaced) {
    if ((await conflict.agreed(key)) === id) await reach.add(authEventIds, conflict.unplaced, links);
  }
  return reach;
}

/** Whether everything that was reached is in the index, but for what is not here at all, and m.room.create. */
async function areAllKnown({ eventsOf }: ChainConflict, reaches: readonly AuthReach[]): Promise<boolean> {
  const lost = new Set(reaches.flatMap((reach) => [...reach.lost]));
  if (lost.size === 0) return true;
  return [...(await eventsOf([...lost])).values()].every((event) => event.type === CREATE);
}

/** How far into a range of a chain the events reach on which all states agree; undefined where that is too much to ask. */
async function reachedByAgreed(
  conflict: ChainConflict,
  chain: ChainName,
  { after, upTo }: { after: number; upTo: number },
): Promise<number | undefined> {
  let [low, high] = [after, upTo];
  for (let next = low + 1; low < high;) {
    const isReached = await isReachedByAgreed(conflict, { chain, seq: next });
    if (isReached === undefined) return undefined;
    if (isReached) low = next;
    else high = next - 1;
    // Most often nothing of it is reached, or all.
    next = low === after + 1 && high === upTo ? high : Math.ceil((low + 1 + high) / 2);
  }
  return low;
}

/** Whether an event is in the auth chain of one on which all states agree: looks from the event at who reaches it. */
async function isReachedByAgreed(conflict: ChainConflict, start: AuthPlace): Promise<boolean | undefined> {
  const { reader } = conflict;
  const keyRow = await authChains.keyOf(reader, bytesOf(start.chain));
  if (!keyRow) return undefined;
  // Only what stands after the event itself has it in its auth chain.
  const first = { chain: start.chain, seq: start.seq + 1 };
  if (await isHeldFrom(conflict, first, stateKeyOf(keyRow.type, keyRow.state_key))) return true;
  const seen = new Map<ChainName, number>();
  const open = [start];
  for (let place = open.pop(); place; place = open.pop()) {
    const known = seen.get(place.chain);
    if (known !== undefined && known <= place.seq) continue;
    seen.set(place.chain, place.seq);
    if (seen.size > MOST_CHAINS) return undefined;
    for (let offset = 0, isMore = true; isMore; offset += LINKS) {
      const page = { limit: LINKS, offset };
      const rows = await authChains.linksTo(reader, bytesOf(place.chain), place.seq, page);
      for (const row of rows) {
        const from = { chain: nameOf(row.chain), seq: row.seq };
        if (await isHeldFrom(conflict, from, stateKeyOf(row.type, row.state_key))) return true;
        open.push(from);
      }
      isMore = rows.length === LINKS;
    }
  }
  return false;
}

/** Whether all states agree on an event that stands at a place of its chain or after it. */
async function isHeldFrom(
  conflict: ChainConflict,
  { chain, seq }: AuthPlace,
  key: StateKey,
): Promise<boolean> {
  const held = await conflict.agreed(key);
  if (held === undefined) return false;
  const place = (await placesOf(conflict.reader, [held])).get(held);
  return place?.chain === chain && place.seq >= seq;
}
