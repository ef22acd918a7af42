import { Type } from 'typebox';
import type { JsonObject } from '../../../protocol/json.ts';
import { streamToken } from '../../../rooms/reading/stream-token.ts';
import type { Presence } from '../../../modules/presence/index.ts';
import type { Profile } from '../../../modules/profile/index.ts';
import type { EventStream } from '../../../sync/event-stream/index.ts';
import { roomId } from '../../../protocol/identifiers.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import { getOneEvent } from '../../client/event-stream.ts';
import { v1Event, v1Presence, v1StreamEvent } from '../event-shape.ts';
import { withProfile } from '../presence-profile.ts';
import { withReceiptsOf2015 } from '../receipt-shape.ts';
import { V1 } from '../legacy-paths.ts';
import { CODES_OF_2015, CODES_OF_PAGES, oldForm } from '../old-form.ts';
import { placeOfToken } from './page-token.ts';
import {
  inviteRoomState,
  receiptsOf,
  V1_SNAPSHOT_MESSAGES,
  v1Snapshot,
  type ShowsRooms,
} from './room-snapshot.ts';
import { v1Events } from './v1-texts.ts';
import { viewerOf } from '../../viewer.ts';

const LONGEST_WAIT_MS = 120_000;

/** GET /events: what came after a token, or what comes next. */
export const v1EventStream = endpoint(
  {
    id: 'event_stream',
    method: 'GET',
    paths: [`${V1}/events`],
    auth: 'user',
    codes: CODES_OF_PAGES,
    query: Type.Object({
      from: Type.Optional(Type.String()),
      timeout: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
  },
  async (
    needs: ShowsRooms & { eventStream: EventStream; profile: Profile; presence: Presence },
    { query, session, signal },
  ) => {
    const { userId, deviceId } = session;
    const timeoutMs = Math.min(query.timeout ?? 0, LONGEST_WAIT_MS);
    const becoming = needs.presence.seen(session, 'online', timeoutMs);
    if (becoming) await becoming;
    const chunk = await needs.eventStream.read({
      ...{ userId, deviceId, signal, roomId: undefined, withoutAccountData: true },
      from: query.from === undefined ? undefined : placeOfToken(query.from),
      timeoutMs,
    });
    const viewer = viewerOf(needs, session);
    const events = await v1Events(needs, viewer, chunk.events);
    for (const [i, { stateKey, content, roomId }] of chunk.events.entries()) {
      const event = events[i];
      if (!event || stateKey !== userId || content.membership !== 'invite') continue;
      event.invite_room_state = await inviteRoomState(needs, viewer, { roomId });
    }
    const others: JsonObject[] = [];
    const passing = chunk.others.map((text) => JSON.parse(text) as JsonObject);
    for (const event of withReceiptsOf2015(passing)) {
      others.push(v1StreamEvent(await withProfile(needs, event)));
    }
    return {
      start: streamToken(chunk.start),
      end: streamToken(chunk.end),
      chunk: [...events, ...others],
    };
  },
);

/** GET /initialSync */
export const v1InitialSync = endpoint(
  {
    id: 'initial_sync',
    method: 'GET',
    paths: [`${V1}/initialSync`],
    auth: 'user',
    codes: CODES_OF_PAGES,
    query: Type.Object({
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
      archived: Type.Optional(Type.Boolean()),
    }),
  },
  async (needs: ShowsRooms & { profile: Profile }, { query, session }) => {
    const { userId, deviceId } = session;
    const wish = { limit: messagesOf(query.limit), archived: query.archived === true };
    const account = await needs.roomSnapshots.all({ userId, deviceId }, wish);
    const viewer = viewerOf(needs, session);
    const known = account.rooms.filter(({ membership }) => membership !== 'knock');
    const rooms: JsonObject[] = [];
    for (const room of known) rooms.push(await v1Snapshot(needs, viewer, room));
    const presence: JsonObject[] = [];
    for (const text of account.presence) {
      presence.push(v1Presence(await withProfile(needs, JSON.parse(text) as JsonObject)));
    }
    return {
      end: streamToken(account.end),
      rooms,
      presence,
      receipts: known.flatMap(receiptsOf),
    };
  },
);

/** GET /rooms/{roomId}/initialSync */
export const v1RoomInitialSync = endpoint(
  {
    id: 'room_initial_sync',
    method: 'GET',
    paths: [`${V1}/rooms/:roomId/initialSync`],
    auth: 'user',
    codes: CODES_OF_2015,
    params: Type.Object({ roomId: Type.String() }),
    query: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 0 })) }),
  },
  async (needs: ShowsRooms, { params, query, session }) => {
    const { userId, deviceId } = session;
    const limit = messagesOf(query.limit);
    const room = await needs.roomSnapshots.one({ userId, deviceId }, roomId(params.roomId), limit);
    return { ...(await v1Snapshot(needs, viewerOf(needs, session), room)), receipts: receiptsOf(room) };
  },
);

/** GET /events/{eventId} */
export const v1OneEvent = oldForm(getOneEvent, {
  id: 'get_event',
  paths: [`${V1}/events/:eventId`],
  shape: (event) => v1Event(event as JsonObject),
});

function messagesOf(limit: number | undefined): number {
  return Math.min(limit ?? V1_SNAPSHOT_MESSAGES.default, V1_SNAPSHOT_MESSAGES.most);
}
