import { Type } from 'typebox';
import { eventId, roomId } from '../../protocol/identifiers.ts';
import { notFound } from '../../protocol/matrix-error.ts';
import type { ClientEvents } from '../../rooms/reading/client-events.ts';
import type { EventLog } from '../../rooms/events/event-log.ts';
import { parseStreamToken, streamToken } from '../../rooms/reading/stream-token.ts';
import type { Visibility } from '../../rooms/reading/visibility.ts';
import type { EventStream, RoomSnapshots } from '../../sync/event-stream/index.ts';
import { clientPaths, endpoint, RawJson } from '../../wire/endpoint.ts';
import { roomSnapshotText, SNAPSHOT_MESSAGES } from './rooms/room-snapshot-text.ts';

const LONGEST_WAIT_MS = 120_000;

/** GET /events, of all rooms or of one that the user need not be in */
export const getEvents = endpoint(
  {
    id: 'getEvents',
    spec: 'client-server-api/#get_matrixclientv3events',
    method: 'GET',
    paths: clientPaths('/events'),
    auth: 'user',
    guests: true,
    query: Type.Object({
      from: Type.Optional(Type.String()),
      timeout: Type.Optional(Type.Integer({ minimum: 0 })),
      room_id: Type.Optional(Type.String()),
    }),
  },
  async (
    needs: { eventStream: EventStream; clientEvents: ClientEvents; clock: { now(): number } },
    { query, session, signal },
  ) => {
    const { userId, deviceId } = session;
    const chunk = await needs.eventStream.read({
      ...{ userId, deviceId, signal },
      from: query.from === undefined ? undefined : parseStreamToken(query.from),
      roomId: query.room_id === undefined ? undefined : roomId(query.room_id),
      timeoutMs: Math.min(query.timeout ?? 0, LONGEST_WAIT_MS),
    });
    const viewer = { userId, deviceId, now: needs.clock.now() };
    const texts: string[] = [];
    for (const event of chunk.events) {
      texts.push(...(await needs.clientEvents.bundledTexts([event], viewer, { roomId: event.roomId })));
    }
    const span = `"start":"${streamToken(chunk.start)}","end":"${streamToken(chunk.end)}"`;
    return new RawJson(`{${span},"chunk":[${[...texts, ...chunk.others].join(',')}]}`);
  },
);

/** GET /initialSync */
export const initialSync = endpoint(
  {
    id: 'initialSync',
    spec: 'client-server-api/#get_matrixclientv3initialsync',
    method: 'GET',
    paths: clientPaths('/initialSync'),
    auth: 'user',
    query: Type.Object({
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
      archived: Type.Optional(Type.Boolean()),
    }),
  },
  async (
    needs: { roomSnapshots: RoomSnapshots; clientEvents: ClientEvents; clock: { now(): number } },
    { query, session },
  ) => {
    const { userId, deviceId } = session;
    const limit = Math.min(query.limit ?? SNAPSHOT_MESSAGES.default, SNAPSHOT_MESSAGES.most);
    const wish = { limit, archived: query.archived === true };
    const account = await needs.roomSnapshots.all({ userId, deviceId }, wish);
    const viewer = { userId, deviceId, now: needs.clock.now() };
    const rooms: string[] = [];
    for (const room of account.rooms) rooms.push(await roomSnapshotText(needs.clientEvents, viewer, room));
    return new RawJson(
      `{"end":"${streamToken(account.end)}","rooms":[${rooms.join(',')}],` +
        `"presence":[${account.presence.join(',')}],"account_data":[${account.accountData.join(',')}]}`,
    );
  },
);

/** GET /events/{eventId} */
export const getOneEvent = endpoint(
  {
    id: 'getOneEvent',
    spec: 'client-server-api/#get_matrixclientv3eventseventid',
    method: 'GET',
    paths: clientPaths('/events/:eventId'),
    auth: 'user',
    params: Type.Object({ eventId: Type.String() }),
  },
  async (
    needs: {
      log: EventLog;
      visibility: Visibility;
      clientEvents: ClientEvents;
      clock: { now(): number };
    },
    { params, session },
  ) => {
    const { userId, deviceId } = session;
    const event = await needs.log.byId(eventId(params.eventId));
    const access = event && (await needs.visibility.access(event.roomId, userId));
    const shown = access && (await needs.visibility.shown(access, event));
    if (!shown || shown.isAside) {
      throw notFound('There is no such event, or you may not see it');
    }
    const viewer = { userId, deviceId, now: needs.clock.now() };
    return new RawJson(await needs.clientEvents.text(shown, viewer));
  },
);
