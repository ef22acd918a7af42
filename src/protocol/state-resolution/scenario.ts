import { authTypesFor } from '../auth/auth-types.ts';
import { splitStateKey, stateKeyOf, type RoomEvent, type StateKey, type StateMap } from '../events/event.ts';
import type { EventId, RoomId, UserId } from '../identifiers.ts';
import type { JsonObject } from '../json.ts';
import type { RoomVersion } from '../room-versions.ts';
import type { EventSource } from './event-source.ts';
import { authDepthFrom } from './event-source.ts';
import { resolveState } from './resolve-state.ts';

/** What a scenario says of an event; the rest follows from the branch it is sent on. */
export interface ScenarioEvent {
  readonly sender: string;
  readonly type: string;
  /** Absent for message events. */
  readonly key?: string;
  readonly content?: JsonObject;
  /** `origin_server_ts`; a clock of the scenario's own counts by default. */
  readonly ts?: number;
  readonly depth?: number;
  /** Names of the auth events, instead of those that the branch's state calls for. */
  readonly auth?: readonly string[];
}

/** The full user ID of a person in a scenario. */
export function userIdOf(person: string): UserId {
  return `@${person}:${person}.example` as UserId;
}

/** A room told event by event, in which a test builds branches and resolves them. Events go by names. */
export class Scenario implements EventSource {
  readonly version: RoomVersion;
  readonly events = new Map<EventId, RoomEvent>();
  readonly rejectedNames = new Set<string>();
  /** Whether the source tells auth depths. */
  tellsDepths = true;
  /** How often an event was looked up. */
  lookups = 0;
  #authDepths = new Map<EventId, number>();
  #clock = 0;

  constructor(version: RoomVersion) {
    this.version = version;
  }

  event(id: EventId): RoomEvent | undefined {
    this.lookups++;
    return this.events.get(id);
  }

  rejected(id: EventId): boolean {
    return this.rejectedNames.has(id.slice(1));
  }

  authDepth(id: EventId): number | undefined {
    return this.tellsDepths ? this.#authDepths.get(id) : undefined;
  }

  /** A room created by alice, who has power level 100, with these others joined, and public join rules. */
  room(levels: Readonly<Record<string, number>> = {}): Branch {
    const creator: JsonObject = this.version.updatedRedaction ? {} : { creator: userIdOf('alice') };
    const branch = new Branch(this, new Map());
    branch.send('create', { sender: 'alice', type: 'm.room.create', key: '', content: creator });
    branch.join('alice', 'join-alice');
    branch.powerLevels('PL0', 'alice', levels);
    branch.send('JR0', {
      sender: 'alice',
      type: 'm.room.join_rules',
      key: '',
      content: { join_rule: 'public' },
    });
    for (const person of Object.keys(levels)) branch.join(person, `join-${person}`);
    return branch;
  }

  /** Adds an event whose auth events come from a state. */
  add(name: string, told: ScenarioEvent, state: StateMap): RoomEvent {
    const ts = told.ts ?? ++this.#clock;
    const event: RoomEvent = {
      eventId: `$${name}` as EventId,
      roomId: (this.version.roomIdIsCreateHash ? '!create' : '!room:alice.example') as RoomId,
      type: told.type,
      stateKey: told.key,
      sender: userIdOf(told.sender),
      content: told.content ?? {},
      originServerTs: ts,
      depth: told.depth ?? ts,
      authEventIds: [],
      // Only the creator's join is judged by what came before it.
      prevEventIds: name === 'join-alice' ? ['$create' as EventId] : ['$before' as EventId],
      redacts: undefined,
    };
    const prevEventIds = told.type === 'm.room.create' ? [] : event.prevEventIds;
    const authEventIds = told.auth?.map((auth) => `$${auth}` as EventId) ?? this.#authEvents(event, state);
    const complete = { ...event, prevEventIds, authEventIds };
    this.events.set(complete.eventId, complete);
    this.#authDepths.set(
      complete.eventId,
      authDepthFrom(authEventIds.map((id) => this.#authDepths.get(id) ?? 0)),
    );
    return complete;
  }

  #authEvents(event: RoomEvent, state: StateMap): EventId[] {
    return authTypesFor(this.version, event).flatMap(
      ([type, stateKey]) => state.get(stateKeyOf(type, stateKey)) ?? [],
    );
  }

  /** Resolves the states of branches. The result maps `type` or `type/key` to event names. */
  resolve(...branches: readonly Branch[]): Map<string, string> {
    const resolved = resolveState(
      this.version,
      branches.map((branch) => branch.state),
      this,
    );
    return namesOf(resolved);
  }
}

/** A state by names: `type` or `type/key` to event name. */
export function namesOf(state: StateMap): Map<string, string> {
  return new Map(
    [...state].map(([key, id]) => {
      const { type, stateKey } = splitStateKey(key);
      return [stateKey === '' ? type : `${type}/${stateKey}`, id.slice(1)];
    }),
  );
}

/** One line of history: the state it has come to. */
export class Branch {
  readonly scenario: Scenario;
  state: Map<StateKey, EventId>;

  constructor(scenario: Scenario, state: StateMap) {
    this.scenario = scenario;
    this.state = new Map(state);
  }

  /** Another line of history from here on. */
  fork(): Branch {
    return new Branch(this.scenario, this.state);
  }

  /** Sends an event, which enters the state if it is a state event. Nothing checks whether it is allowed. */
  send(name: string, told: ScenarioEvent): this {
    const event = this.scenario.add(name, told, this.state);
    if (event.stateKey !== undefined) this.state.set(stateKeyOf(event.type, event.stateKey), event.eventId);
    return this;
  }

  join(person: string, name: string, ts?: number): this {
    return this.membership(name, person, person, 'join', ts);
  }

  membership(name: string, sender: string, target: string, membership: string, ts?: number): this {
    const key = userIdOf(target);
    return this.send(name, {
      sender,
      type: 'm.room.member',
      key,
      content: { membership },
      ...(ts === undefined ? {} : { ts }),
    });
  }

  /** Power levels in which alice has 100, where she is not a creator above all levels. */
  powerLevels(name: string, sender: string, levels: Readonly<Record<string, number>>, ts?: number): this {
    const all = this.scenario.version.roomIdIsCreateHash ? levels : { alice: 100, ...levels };
    const users = Object.fromEntries(Object.entries(all).map(([person, level]) => [userIdOf(person), level]));
    return this.send(name, {
      sender,
      type: 'm.room.power_levels',
      key: '',
      content: { users },
      ...(ts === undefined ? {} : { ts }),
    });
  }

  topic(name: string, sender: string, ts?: number): this {
    return this.send(name, {
      sender,
      type: 'm.room.topic',
      key: '',
      content: { topic: name },
      ...(ts === undefined ? {} : { ts }),
    });
  }
}
