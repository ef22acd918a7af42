import { Type } from 'typebox';
import type { Notifications } from '../../../modules/push/index.ts';
import { invalidParam } from '../../../protocol/matrix-error.ts';
import type { ClientEvents } from '../../../rooms/reading/client-events.ts';
import { clientPaths, endpoint, RawJson } from '../../../wire/endpoint.ts';

const DEFAULT_LIMIT = 20;
const MOST = 100;

/** GET /notifications */
export const getNotifications = endpoint(
  {
    id: 'getNotifications',
    spec: 'client-server-api/#get_matrixclientv3notifications',
    method: 'GET',
    paths: clientPaths('/notifications'),
    auth: 'user',
    query: Type.Object({
      from: Type.Optional(Type.String()),
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
      only: Type.Optional(Type.String()),
    }),
  },
  async (
    needs: { notifications: Notifications; clientEvents: ClientEvents; clock: { now(): number } },
    { session, query },
  ) => {
    const { userId, deviceId } = session;
    const page = await needs.notifications.page(userId, {
      before: query.from === undefined ? undefined : parseToken(query.from),
      limit: Math.min(query.limit ?? DEFAULT_LIMIT, MOST),
      onlyHighlights: query.only === 'highlight',
    });
    const viewer = { userId, deviceId, now: needs.clock.now() };
    const entries: string[] = [];
    // One by one, for they are of many rooms, and what they replaced may be seen in some of them only.
    for (const { event, actions, isRead } of page.notifications) {
      const [text] = await needs.clientEvents.texts([event], viewer);
      const head = { actions, read: isRead, room_id: event.roomId, ts: event.originServerTs };
      entries.push(`${JSON.stringify(head).slice(0, -1)},"event":${text ?? '{}'}}`);
    }
    const next = page.next === undefined ? '' : `,"next_token":"${page.next}"`;
    return new RawJson(`{"notifications":[${entries.join(',')}]${next}}`);
  },
);

/** A token is the position before which the page begins. */
function parseToken(from: string): number {
  if (/^[0-9]{1,15}$/.test(from)) return Number(from);
  throw invalidParam('"from" must be the "next_token" of an earlier answer');
}
