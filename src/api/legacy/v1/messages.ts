import { Type } from 'typebox';
import { TIMELINE_LIMITS } from '../../../protocol/filter/event-filter.ts';
import { roomId, type UserId } from '../../../protocol/identifiers.ts';
import { withoutIgnored } from '../../../rooms/reading/ignored-senders.ts';
import { streamToken } from '../../../rooms/reading/stream-token.ts';
import type { HistoryPage, Keep, Timeline } from '../../../rooms/reading/timeline.ts';
import type { Visibility } from '../../../rooms/reading/visibility.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import { viewerOf } from '../../viewer.ts';
import { V1 } from '../legacy-paths.ts';
import { CODES_OF_PAGES } from '../old-form.ts';
import { placeOfToken } from './page-token.ts';
import { v1Events, type ShowsEvents } from './v1-texts.ts';

const DEFAULT_LIMIT = 10;

/** GET /rooms/{roomId}/messages: forwards from the start of the room, unless it is asked for otherwise. */
export const v1Messages = endpoint(
  {
    id: 'get_messages',
    method: 'GET',
    paths: [`${V1}/rooms/:roomId/messages`],
    auth: 'user',
    codes: CODES_OF_PAGES,
    params: Type.Object({ roomId: Type.String() }),
    query: Type.Object({
      from: Type.Optional(Type.String()),
      to: Type.Optional(Type.String()),
      dir: Type.Optional(Type.Union([Type.Literal('b'), Type.Literal('f')])),
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
  },
  async (
    needs: ShowsEvents & {
      visibility: Visibility;
      timeline: Timeline;
      ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
    },
    { params, query, session },
  ) => {
    const direction = query.dir ?? 'f';
    const access = await needs.visibility.accessOrForbid(roomId(params.roomId), session.userId);
    const limit = Math.min(query.limit ?? DEFAULT_LIMIT, TIMELINE_LIMITS.maxLimit);
    const placeOf = (token: string) => placeOfToken(token) ?? needs.timeline.end();
    const from = query.from === undefined ? undefined : placeOf(query.from);
    const to = query.to === undefined ? undefined : placeOf(query.to);
    const ignored = await needs.ignoredUsers(session.userId);
    const keep: Keep = (events) => withoutIgnored(events, ignored);
    const page = await needs.timeline.messages(access, { from, to, direction, limit }, keep);
    return {
      chunk: await v1Events(needs, viewerOf(needs, session), page.events),
      start: streamToken(page.start),
      end: streamToken(endOf(page, direction)),
    };
  },
);

/** Where a page ends. At the end of history there is a token, too: asked with, it gives an empty page. */
function endOf(page: HistoryPage, direction: 'f' | 'b'): number {
  if (page.end !== undefined) return page.end;
  const last = page.events.at(-1);
  if (!last) return page.start;
  return direction === 'b' ? last.position - 1 : last.position;
}
