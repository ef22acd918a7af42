import type { JsonObject } from '../../protocol/json.ts';
import type { UserId } from '../../protocol/identifiers.ts';
import type { ClientEvents, Viewer } from '../../rooms/reading/client-events.ts';
import type { StoredEvent } from '../../rooms/events/stored-event.ts';
import { withoutIgnored } from '../../rooms/reading/ignored-senders.ts';
import { streamToken } from '../../rooms/reading/stream-token.ts';
import type { ShownStates } from '../../rooms/reading/shown-states.ts';
import type { EventContext, Keep, Timeline } from '../../rooms/reading/timeline.ts';
import type { RoomAccess, Visibility } from '../../rooms/reading/visibility.ts';
import type { EventSearch, EventSearchRequest, SearchPage, SearchResult } from './event-search.ts';
import { groupOf, searchToken, type GroupKey } from './search-token.ts';

/** What somebody wants to see around each result. */
export interface ContextWish {
  readonly before: number;
  readonly after: number;
  /** With the names and pictures that the senders had then. */
  readonly profiles: boolean;
}

/** A search, and what its answer is to hold beside the results. */
export interface SearchWish extends Omit<EventSearchRequest, 'userId'> {
  readonly context: ContextWish | undefined;
  /** With the state of the rooms of the results. */
  readonly state: boolean;
  readonly groupBy: readonly GroupKey[];
}

/** Answers searches for events (Client-Server API, "Server Side Search"). */
export class SearchAnswers {
  readonly #search: EventSearch;
  readonly #timeline: Timeline;
  readonly #shownStates: ShownStates;
  readonly #visibility: Visibility;
  readonly #clientEvents: ClientEvents;
  readonly #ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;

  constructor(needs: {
    search: EventSearch;
    timeline: Timeline;
    states: ShownStates;
    visibility: Visibility;
    clientEvents: ClientEvents;
    ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
  }) {
    this.#search = needs.search;
    this.#timeline = needs.timeline;
    this.#shownStates = needs.states;
    this.#visibility = needs.visibility;
    this.#clientEvents = needs.clientEvents;
    this.#ignoredUsers = needs.ignoredUsers;
  }

  /** The category `room_events` of the answer, as JSON text. */
  async answer(viewer: Viewer, wish: SearchWish): Promise<string> {
    const page = await this.#search.find({ ...wish, userId: viewer.userId });
    const results: string[] = [];
    for (const result of page.results) results.push(await this.#resultText(viewer, wish, result));
    let text = `{"count":${page.count},"highlights":${JSON.stringify(page.highlights)}`;
    text += `,"results":[${results.join(',')}]`;
    if (wish.state) text += `,"state":{${(await this.#states(viewer, page.results)).join(',')}}`;
    if (wish.groupBy.length > 0) text += `,"groups":${JSON.stringify(groups(wish, page))}`;
    if (page.next) text += `,"next_batch":${JSON.stringify(searchToken(page.next))}`;
    return `${text}}`;
  }

  async #resultText(
    viewer: Viewer,
    wish: SearchWish,
    { event, rank, access }: SearchResult,
  ): Promise<string> {
    const [result] = await this.#texts(viewer, [event]);
    const text = `{"rank":${rank},"result":${result ?? '{}'}`;
    if (!wish.context) return `${text}}`;
    return `${text},"context":${await this.#contextText(viewer, wish.context, access, event)}}`;
  }

  async #contextText(
    viewer: Viewer,
    wish: ContextWish,
    access: RoomAccess,
    event: StoredEvent,
  ): Promise<string> {
    const ignored = await this.#ignoredUsers(viewer.userId);
    const keep: Keep = (events) => withoutIgnored(events, ignored);
    const context = await this.#timeline.context(access, event.eventId, wish, keep);
    const before = await this.#texts(viewer, context.before);
    const after = await this.#texts(viewer, context.after);
    const profiles = wish.profiles ? JSON.stringify(await this.#profiles(context)) : undefined;
    return (
      `{"start":"${streamToken(context.start)}","end":"${streamToken(context.end)}"` +
      `,"events_before":[${before.join(',')}],"events_after":[${after.join(',')}]` +
      `${profiles === undefined ? '' : `,"profile_info":${profiles}`}}`
    );
  }

  /** As they were at the result; of who was not in the room then, at an event of theirs. */
  async #profiles({ event: found, before, after }: EventContext): Promise<JsonObject> {
    const events = [found, ...before, ...after];
    const profiles: JsonObject = {};
    const known = new Set<UserId>();
    const take = (sender: UserId, { content }: StoredEvent): void => {
      profiles[sender] = profileIn(content);
      if (content.membership === 'join') known.add(sender);
    };
    const senders = events.map(({ sender }) => sender);
    for (const member of await this.#shownStates.membersFor(found.stateRoot, senders, events))
      take(member.stateKey as UserId, member);
    for (const event of events) {
      if (known.has(event.sender)) continue;
      const [member] = await this.#shownStates.membersFor(event.stateRoot, [event.sender], [event]);
      if (member) take(event.sender, member);
    }
    return profiles;
  }

  async #states(viewer: Viewer, results: readonly SearchResult[]): Promise<string[]> {
    const accesses = new Map(results.map(({ access }) => [access.roomId, access]));
    const texts: string[] = [];
    for (const [roomId, access] of accesses) {
      const state = await this.#shownStates.stateEvents(await this.#shownStates.visibleRoot(access));
      const events = await this.#clientEvents.bundledTexts(state, viewer, { roomId });
      texts.push(`${JSON.stringify(roomId)}:[${events.join(',')}]`);
    }
    return texts;
  }

  /** The texts of events of one room. */
  async #texts(viewer: Viewer, events: readonly StoredEvent[]): Promise<string[]> {
    const roomId = events[0]?.roomId;
    if (roomId === undefined) return [];
    const membershipOf = await this.#visibility.membershipsAt(viewer.userId, events);
    return this.#clientEvents.bundledTexts(events, viewer, { roomId, membershipOf });
  }
}

function profileIn({ displayname, avatar_url: avatarUrl }: JsonObject): JsonObject {
  const profile: JsonObject = {};
  if (typeof displayname === 'string') profile.displayname = displayname;
  if (typeof avatarUrl === 'string') profile.avatar_url = avatarUrl;
  return profile;
}

/** By each key, and then by each of its values, which results of the page there are. */
function groups(wish: SearchWish, page: SearchPage): JsonObject {
  const ofKey = (key: GroupKey): JsonObject => {
    const byValue = Map.groupBy(page.results, ({ event }) => groupOf(key, event));
    const entries = [...byValue].map(([value, results], order) => {
      const next = nextOfGroup(wish, page, { key, value });
      const ids = results.map(({ event }) => event.eventId);
      return [value, { order, results: ids, ...(next === undefined ? {} : { next_batch: next }) }] as const;
    });
    return Object.fromEntries(entries);
  };
  return Object.fromEntries(wish.groupBy.map((key) => [key, ofKey(key)]));
}

/** Where the next page of one group begins, if there may be more. Pages of a group have no groups of another key. */
function nextOfGroup(
  { place }: SearchWish,
  { results, ranked, next, count, upTo }: SearchPage,
  group: { key: GroupKey; value: string },
): string | undefined {
  if (place?.group && place.group.key !== group.key) return undefined;
  const isOfGroup = ({ event }: SearchResult) => groupOf(group.key, event) === group.value;
  if (!ranked) {
    const last = results.findLast(isOfGroup);
    if (!next || !last) return undefined;
    return searchToken({ upTo: last.event.position - 1, skip: 0, count, group });
  }
  const given = ranked.slice(0, (place?.skip ?? 0) + results.length).filter(isOfGroup).length;
  if (given >= ranked.filter(isOfGroup).length) return undefined;
  return searchToken({ upTo, skip: given, count, group });
}
