import type { JsonValue } from '../../protocol/json.ts';
import { ACTIVITY_TYPES } from '../../storage/rooms/events-store.ts';
import { BEFORE_HISTORY } from '../../storage/unit-of-work.ts';
import { eventTexts } from '../event-texts.ts';
import { timelineTexts } from '../joined-room.ts';
import { strippedState } from '../other-rooms.ts';
import { timelineSection, type TimelineSection } from '../timeline-section.ts';
import { stateSection, type StateSection } from './room-state.ts';
import { contextOf, type RoomEntry, type RoomView } from './room-view.ts';
import type { SlidingSyncNeeds } from './sliding-sync-needs.ts';

/** Members of a JSON object: names with JSON text. Those without text are left out. */
type Members = Record<string, string | undefined>;

/** What an answer tells of a room (MSC4186, "RoomResult"). */
export function roomEntry(needs: SlidingSyncNeeds, view: RoomView): Promise<RoomEntry> {
  const { membership } = view.room;
  return membership === 'invite' || membership === 'knock'
    ? strippedEntry(needs, view)
    : fullEntry(needs, view);
}

/** A room that the user is invited to or knocks on. */
async function strippedEntry(needs: SlidingSyncNeeds, view: RoomView): Promise<RoomEntry> {
  const { room, sent, after } = view;
  const depth = sent?.depth ?? 0;
  const isNew = after === undefined || room.position > after;
  if (!isNew && !directChanged(view)) return { text: undefined, shown: undefined, depth };
  const key = view.answering.dialect === 'accepted' ? 'stripped_state' : 'invite_state';
  const text = objectText({
    initial: isNew ? 'true' : undefined,
    ...directText(view),
    bump_stamp: isNew ? String(room.position) : undefined,
    [key]: `[${(await strippedState(needs, view.answering.userId, room)).join(',')}]`,
    ...acceptedMembers(view),
  });
  return { text, shown: undefined, depth };
}

/** A room that the user is in, or was removed from. */
async function fullEntry(needs: SlidingSyncNeeds, view: RoomView): Promise<RoomEntry> {
  const { answering, room, sent, after, upTo } = view;
  const { timelineLimit: limit } = view.wanted.config;
  const isInitial = after === undefined;
  const has = (topic: 'event' | 'state') =>
    isInitial || answering.recent.roomChangedSince(room.roomId, after, topic);
  const hasEvents = has('event') || has('state');
  const wasStripped = sent?.depth === 0 && room.membership !== 'join';
  const isExpanded = !isInitial && limit > (sent?.depth ?? 0) && !wasStripped;
  const fromStart = isInitial || isExpanded;
  const context = contextOf(answering, { since: fromStart ? undefined : after, upTo, limit });
  const range = { after: fromStart ? BEFORE_HISTORY : after, upTo };
  const presentFrom = room.membership === 'join' ? room.position : Infinity;
  const timeline =
    limit > 0 && (hasEvents || isExpanded)
      ? await timelineSection(needs, context, room.roomId, { ...range, presentFrom })
      : undefined;
  const state = await stateSection(needs, view, timeline);
  const counts = room.membership === 'join' ? await unreadText(needs, view) : undefined;
  const depth = depthAfter(view, timeline, { fromStart, hasEvents });
  const [oldest, newest] = [timeline?.events[0], timeline?.events.at(-1)];
  const shown = fromStart && oldest && newest ? { from: oldest.position, upTo: newest.position } : undefined;
  const bump = await bumpStamp(needs, view, timeline, hasEvents);
  const hasMoved = bump !== undefined || counts?.changed === true;
  const isEmpty = !isInitial && isNothing(timeline, state) && !directChanged(view) && !hasMoved;
  if (isEmpty) return { text: undefined, shown, depth };
  const texts = timeline ? await timelineTexts(needs, context, room, timeline.events) : [];
  const text = objectText({
    initial: isInitial ? 'true' : undefined,
    ...(isExpanded ? { [expandedKey(view)]: 'true' } : {}),
    ...(await nameMembers(needs, view, state)),
    ...directText(view),
    bump_stamp: bump,
    required_state: await stateText(needs, view, state),
    ...timelineMembers(view, timeline, texts),
    ...counts?.members,
    ...acceptedMembers(view),
  });
  return { text, shown, depth };
}

function isNothing(timeline: TimelineSection | undefined, state: StateSection): boolean {
  const hasTimeline = timeline !== undefined && (timeline.events.length > 0 || timeline.limited);
  const hasSummary = ['m.room.name', 'm.room.avatar', 'm.room.member'].some((type) =>
    state.changed.has(type),
  );
  return !hasTimeline && !hasSummary && state.events.length === 0 && state.removed.length === 0;
}

/** After a gap the client has no more than what it is sent now; which is nothing where it wants no timeline. */
function depthAfter(
  view: RoomView,
  timeline: TimelineSection | undefined,
  { fromStart, hasEvents }: { fromStart: boolean; hasEvents: boolean },
): number {
  const { timelineLimit: limit } = view.wanted.config;
  const isGap = timeline?.limited === true || (limit === 0 && hasEvents);
  if (fromStart || isGap) return limit;
  return view.sent?.depth ?? limit;
}

function expandedKey(view: RoomView): string {
  return view.answering.dialect === 'accepted' ? 'expanded_timeline' : 'unstable_expanded_timeline';
}

function timelineMembers(
  view: RoomView,
  timeline: TimelineSection | undefined,
  texts: readonly string[],
): Members {
  if (!timeline) return {};
  const { since } = view.answering;
  const live = since === undefined ? [] : timeline.events.filter((event) => event.position > since);
  return {
    timeline: `[${texts.join(',')}]`,
    prev_batch: JSON.stringify(timeline.prevBatch),
    limited: String(timeline.limited),
    num_live: String(live.length),
  };
}

/** Name, avatar, who stands for a name, and how many members there are, where any of it changed. */
async function nameMembers(needs: SlidingSyncNeeds, view: RoomView, state: StateSection): Promise<Members> {
  const { room, after, answering } = view;
  const isInitial = after === undefined;
  const has = (type: string) => isInitial || state.changed.has(type);
  const { root } = state;
  if (root === undefined) return {};
  const entry = async (type: string, key: string): Promise<string | undefined> => {
    const value: JsonValue | undefined = (await needs.states.stateEvent(root, type, ''))?.content[key];
    return typeof value === 'string' && value !== '' ? JSON.stringify(value) : undefined;
  };
  const gone = !isInitial && answering.dialect === 'accepted' ? 'null' : undefined;
  const members: Members = {};
  const name = has('m.room.name') || has('m.room.member') ? await entry('m.room.name', 'name') : undefined;
  if (has('m.room.name')) members.name = name ?? gone;
  if (has('m.room.avatar')) members.avatar = (await entry('m.room.avatar', 'url')) ?? gone;
  if (room.membership !== 'join') return members;
  const mayNeedHeroes = has('m.room.name') || has('m.room.member');
  if (mayNeedHeroes && name === undefined) members.heroes = await heroesText(needs, view, root);
  if (has('m.room.member')) {
    const counts = await needs.summaries.counts(room.roomId);
    members.joined_count = String(counts.joined);
    members.invited_count = String(counts.invited);
  }
  return members;
}

async function heroesText(
  needs: SlidingSyncNeeds,
  view: RoomView,
  root: NonNullable<StateSection['root']>,
): Promise<string | undefined> {
  const users = await needs.summaries.standIns(view.room.roomId, view.answering.userId);
  const heroes = [];
  for (const userId of users) {
    const { displayname, avatar_url: avatarUrl } =
      (await needs.states.stateEvent(root, 'm.room.member', userId))?.content ?? {};
    heroes.push({
      user_id: userId,
      ...(typeof displayname === 'string' ? { displayname } : {}),
      ...(typeof avatarUrl === 'string' ? { avatar_url: avatarUrl } : {}),
    });
  }
  return heroes.length === 0 ? undefined : JSON.stringify(heroes);
}

async function stateText(
  needs: SlidingSyncNeeds,
  view: RoomView,
  { events, removed }: StateSection,
): Promise<string | undefined> {
  const context = contextOf(view.answering, { since: view.after });
  const texts = await eventTexts(needs, context, events);
  if (view.answering.dialect === 'accepted') {
    for (const { type, stateKey } of removed) texts.push(JSON.stringify({ type, state_key: stateKey }));
  }
  return texts.length === 0 ? undefined : `[${texts.join(',')}]`;
}

/** Position of the last event for which people would look into the room, where it is a new one. */
async function bumpStamp(
  needs: SlidingSyncNeeds,
  view: RoomView,
  timeline: TimelineSection | undefined,
  hasEvents: boolean,
): Promise<string | undefined> {
  const { room, after = -Infinity, upTo } = view;
  if (room.membership !== 'join') return room.position > after ? String(room.position) : undefined;
  if (!hasEvents) return undefined;
  const inTimeline = timeline?.events.findLast((event) => ACTIVITY_TYPES.includes(event.type))?.position;
  const isComplete = timeline !== undefined && !timeline.limited && after > -Infinity;
  const newest = inTimeline ?? (isComplete ? undefined : await needs.log.newestActivity(room.roomId, upTo));
  return newest === undefined || newest <= after ? undefined : String(Math.max(0, newest));
}

/** Unread counts; `changed` when a receipt of the user's made others of them. */
async function unreadText(
  needs: SlidingSyncNeeds,
  { answering, room, after, upTo }: RoomView,
): Promise<{ members: Members; changed: boolean }> {
  const { userId, since, recent, connection, counting } = answering;
  let [notify, highlight] = [0, 0];
  for (const count of (await needs.unreadCounts.of(userId, room.roomId, upTo, counting)).values()) {
    notify += count.notify;
    highlight += count.highlight;
  }
  const text = `${notify} ${highlight}`;
  const hasMoved = after !== undefined && recent.userChangedSince(userId, after, 'receipt');
  const hasOther = () => connection.hasOtherCounts(room.roomId, text, since ?? -Infinity);
  // After a restart nobody remembers what was sent, nor in which rooms receipts moved.
  const hasRead = async () =>
    (await needs.receipts.readPositions(userId, room.roomId)).movedAt > (after ?? 0);
  const changed = hasMoved && (hasOther() ?? (await hasRead()));
  connection.sendCounts(room.roomId, text, answering.upTo);
  return { members: { notification_count: String(notify), highlight_count: String(highlight) }, changed };
}

function directChanged({ sent, isDirect, after }: RoomView): boolean {
  return after !== undefined && sent !== undefined && sent.isDirect !== isDirect;
}

function directText(view: RoomView): Members {
  if (view.isDirect) return { is_dm: 'true' };
  return directChanged(view) ? { is_dm: 'false' } : {};
}

function acceptedMembers({ answering, room, wanted }: RoomView): Members {
  if (answering.dialect !== 'accepted') return {};
  return {
    membership: JSON.stringify(room.membership),
    lists: wanted.lists.length === 0 ? undefined : JSON.stringify(wanted.lists),
  };
}

function objectText(members: Members): string {
  const texts: string[] = [];
  for (const [name, text] of Object.entries(members)) if (text !== undefined) texts.push(`"${name}":${text}`);
  return `{${texts.join(',')}}`;
}
