import type { RoomId, UserId } from '../protocol/identifiers.ts';
import type { RoomMembership } from '../rooms/reading/room-reads.ts';
import { strippedText } from '../rooms/reading/client-events.ts';
import { STRIPPED_TYPES } from '../rooms/membership/stripped-state.ts';
import type { StoredEvent } from '../rooms/events/stored-event.ts';
import { streamToken } from '../rooms/reading/stream-token.ts';
import { eventTexts } from './event-texts.ts';
import { stateSection } from './state-section.ts';
import type { SyncContext, SyncNeeds } from './sync-context.ts';
import { timelineSection, type TimelineSection } from './timeline-section.ts';
import { BEFORE_HISTORY } from '../storage/unit-of-work.ts';

/** A room that the user was invited to or knocks on, as JSON text. */
export async function strippedRoom(
  needs: SyncNeeds,
  userId: UserId,
  room: RoomMembership,
  key: 'invite_state' | 'knock_state',
): Promise<string> {
  return `{"${key}":{"events":[${(await strippedState(needs, userId, room)).join(',')}]}}`;
}

/** What one who is invited or knocks is shown of the room's state, event by event as JSON text. */
export async function strippedState(
  needs: SyncNeeds,
  userId: UserId,
  room: RoomMembership,
): Promise<string[]> {
  const own = await needs.log.byId(room.eventId);
  const known = own?.isAside === true ? await needs.outside.of(userId, room.roomId) : undefined;
  if (own && known) return [...known.stripped.map((event) => JSON.stringify(event)), strippedText(own)];
  const events: StoredEvent[] = [];
  for (const type of STRIPPED_TYPES) {
    const event = await needs.log.state(room.roomId, type, '');
    if (event) events.push(event);
  }
  if (own && own.sender !== own.stateKey) {
    const inviter = await needs.log.state(room.roomId, 'm.room.member', own.sender);
    if (inviter) events.push(inviter);
  }
  if (own) events.push(own);
  return events.map(strippedText);
}

/** A room that the user left or was removed from, up to that event, as JSON text. */
export async function leftRoom(
  needs: SyncNeeds,
  context: SyncContext,
  room: RoomMembership,
): Promise<string> {
  const own = await needs.log.byId(room.eventId);
  if (own?.isAside) return neverJoinedRoom(needs, context, own);
  const after = context.since ?? BEFORE_HISTORY;
  const upTo = Math.min(room.position, context.upTo);
  const timeline = await timelineSection(needs, context, room.roomId, { after, upTo, presentFrom: Infinity });
  const state = await leftState(needs, context, { room, own, timeline, after, upTo });
  const membershipOf = await needs.visibility.membershipsAt(context.userId, timeline.events);
  const events = await eventTexts(needs, context, timeline.events, { bundled: true, membershipOf });
  const place = `"limited":${timeline.limited},"prev_batch":"${timeline.prevBatch}"`;
  const stateEvents = await eventTexts(needs, context, state);
  const accountData = await accountDataText(needs, context, room.roomId);
  return (
    `{"timeline":{"events":[${events.join(',')}],${place}},` +
    `"${context.stateAs}":{"events":[${stateEvents.join(',')}]},"account_data":{"events":[${accountData}]}}`
  );
}

/**
 * What changed of the room's state while the user was in it, and by which event they are out of it now. Who left may be
 * banned or decline an invite much later: of the state in between they learn nothing.
 */
async function leftState(
  needs: SyncNeeds,
  context: SyncContext,
  left: {
    room: RoomMembership;
    own: StoredEvent | undefined;
    timeline: TimelineSection;
    after: number;
    upTo: number;
  },
): Promise<StoredEvent[]> {
  const { room, own, timeline, after, upTo } = left;
  const { roomId } = room;
  const { joinedUntil } = await needs.visibility.access(roomId, context.userId);
  if (joinedUntil <= after) return [];
  const whole = context.since === undefined || context.fullState;
  const atEnd = context.stateAs !== 'state' || timeline.hidesState;
  const span = {
    before: whole ? undefined : await needs.states.rootAt(roomId, after),
    after: await needs.states.rootAt(roomId, Math.min(atEnd ? upTo : timeline.start, joinedUntil)),
  };
  const state = await stateSection(needs, context, roomId, span, timeline);
  const isOwn = (event: StoredEvent) => event.type === 'm.room.member' && event.stateKey === context.userId;
  const isTold = !atEnd || joinedUntil >= upTo;
  if (!own || isTold || !context.filter.room.state.matches(own)) return state;
  return [...state.filter((event) => !isOwn(event)), own];
}

/** The user's account data of the room, or what of it changed, as JSON texts with commas between. */
async function accountDataText(needs: SyncNeeds, context: SyncContext, roomId: RoomId): Promise<string> {
  return ((await needs.accountData.room(context, roomId))?.accountData ?? []).join(',');
}

/** A room that is not here, whose invite the user declined or where they were turned away: that event alone. */
async function neverJoinedRoom(needs: SyncNeeds, context: SyncContext, own: StoredEvent): Promise<string> {
  const [event] = await eventTexts(needs, context, [own]);
  const timeline = `{"events":[${event ?? ''}],"limited":false,"prev_batch":"${streamToken(context.upTo)}"}`;
  const accountData = await accountDataText(needs, context, own.roomId);
  return `{"timeline":${timeline},"${context.stateAs}":{"events":[]},"account_data":{"events":[${accountData}]}}`;
}
