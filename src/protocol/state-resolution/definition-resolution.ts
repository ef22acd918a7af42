import { checkAuth } from '../auth/auth-rules.ts';
import { stateKeyOf, type RoomEvent, type StateKey, type StateMap } from '../events/event.ts';
import type { EventId } from '../identifiers.ts';
import type { RoomVersion } from '../room-versions.ts';
import type { EventSource } from './event-source.ts';
import { senderPowerLevels } from './sender-power-levels.ts';

/**
 * State resolution 2 and 2.1 as the definitions are worded, with whole auth chains as sets and no thought of speed: what
 * tests hold the real one against. For small rooms only.
 */
export function resolveByDefinition(
  version: RoomVersion,
  stateSets: readonly StateMap[],
  source: EventSource,
): Map<StateKey, EventId> {
  const keys = new Set(stateSets.flatMap((set) => [...set.keys()]));
  const unconflicted = new Map<StateKey, EventId>();
  const conflicted = new Set<EventId>();
  for (const key of keys) {
    const values = stateSets.map((set) => set.get(key));
    const [first] = values;
    if (first !== undefined && values.every((id) => id === first)) unconflicted.set(key, first);
    else for (const id of values) if (id !== undefined) conflicted.add(id);
  }

  const chain = (id: EventId): Set<EventId> => authChain(id, source);
  const chains = stateSets.map((set) => new Set([...set.values()].flatMap((id) => [...chain(id)])));
  const union = new Set(chains.flatMap((each) => [...each]));
  const full = new Set([...conflicted, ...[...union].filter((id) => !chains.every((each) => each.has(id)))]);
  if (version.stateResolution === 'v2.1') {
    for (const id of union) {
      const above = [...conflicted].some((from) => chain(from).has(id));
      const below = [...conflicted].some((to) => chain(id).has(to));
      if (above && below) full.add(id);
    }
  }

  const power = [...full].filter((id) => isPowerEvent(source.event(id)));
  const x = new Set([...power, ...power.flatMap((id) => [...chain(id)].filter((auth) => full.has(auth)))]);
  const state = new Map(version.stateResolution === 'v2.1' ? [] : unconflicted);
  applyAllowed(version, powerSorted(version, x, source), state, source);
  const rest = [...full].filter((id) => !x.has(id));
  applyAllowed(
    version,
    mainlineSorted(rest, state.get(stateKeyOf('m.room.power_levels', '')), source),
    state,
    source,
  );
  return new Map([...state, ...unconflicted]);
}

function known(id: EventId, source: EventSource): RoomEvent {
  const event = source.event(id);
  if (!event) throw new Error(`The definitions need every event; ${id} is unknown`);
  return event;
}

function authChain(id: EventId, source: EventSource): Set<EventId> {
  const chain = new Set(known(id, source).authEventIds);
  for (const auth of chain) for (const next of known(auth, source).authEventIds) chain.add(next);
  return chain;
}

function isPowerEvent(event: RoomEvent | undefined): boolean {
  if (event?.type === 'm.room.power_levels' || event?.type === 'm.room.join_rules') return true;
  const removes = ['leave', 'ban'].includes(String(event?.content.membership));
  return event?.type === 'm.room.member' && removes && event.sender !== event.stateKey;
}

function earlier(a: RoomEvent, b: RoomEvent): number {
  return a.originServerTs - b.originServerTs || (a.eventId < b.eventId ? -1 : 1);
}

function powerSorted(version: RoomVersion, ids: ReadonlySet<EventId>, source: EventSource): RoomEvent[] {
  const level = senderPowerLevels(version, source);
  const left = new Set([...ids].map((id) => known(id, source)));
  const sorted: RoomEvent[] = [];
  while (left.size > 0) {
    const free = [...left].filter((event) => {
      const chain = authChain(event.eventId, source);
      return ![...left].some((other) => chain.has(other.eventId));
    });
    free.sort((a, b) => (level(a) === level(b) ? earlier(a, b) : level(a) > level(b) ? -1 : 1));
    const [next] = free;
    if (!next) throw new Error('The auth events form a cycle');
    left.delete(next);
    sorted.push(next);
  }
  return sorted;
}

function mainlineSorted(
  ids: readonly EventId[],
  powerLevels: EventId | undefined,
  source: EventSource,
): RoomEvent[] {
  const basedOn = (id: EventId): EventId | undefined =>
    known(id, source).authEventIds.find((auth) => source.event(auth)?.type === 'm.room.power_levels');
  const mainline: EventId[] = [];
  for (let id = powerLevels; id !== undefined; id = basedOn(id)) mainline.push(id);
  const position = (event: RoomEvent): number => {
    for (let id = basedOn(event.eventId); id !== undefined; id = basedOn(id)) {
      if (mainline.includes(id)) return mainline.indexOf(id);
    }
    return Number.MAX_SAFE_INTEGER;
  };
  return ids.map((id) => known(id, source)).sort((a, b) => position(b) - position(a) || earlier(a, b));
}

function applyAllowed(
  version: RoomVersion,
  events: readonly RoomEvent[],
  state: Map<StateKey, EventId>,
  source: EventSource,
): void {
  for (const event of events) {
    const cited = event.authEventIds.filter((id) => !source.rejected?.(id)).map((id) => known(id, source));
    const allowed = checkAuth(version, event, (type, stateKey) => {
      const id = state.get(stateKeyOf(type, stateKey));
      if (id !== undefined) return source.event(id);
      if (version.roomIdIsCreateHash && type === 'm.room.create') {
        return source.event(`$${event.roomId.slice(1)}` as EventId);
      }
      return cited.find((auth) => auth.type === type && auth.stateKey === stateKey);
    }).allowed;
    if (allowed) state.set(stateKeyOf(event.type, event.stateKey ?? ''), event.eventId);
  }
}
