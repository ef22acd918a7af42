import { Type } from 'typebox';
import { roomId } from '../../../protocol/identifiers.ts';
import { streamToken } from '../../../rooms/reading/stream-token.ts';
import type { ShownStates } from '../../../rooms/reading/shown-states.ts';
import type { Timeline } from '../../../rooms/reading/timeline.ts';
import type { Visibility } from '../../../rooms/reading/visibility.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import { viewerOf } from '../../viewer.ts';
import { V1 } from '../legacy-paths.ts';
import { CODES_OF_PAGES } from '../old-form.ts';
import { placeOfToken } from './page-token.ts';
import { v1Events, type ShowsEvents } from './v1-texts.ts';

/** Before all members: also before those whom another server told of, who stand beside the timeline. */
const START = -Infinity;

/**
 * GET /rooms/{roomId}/members: all of them, unless a page is asked for. Whose membership changed last comes last, so that who
 * goes from page to page misses nobody.
 */
export const v1Members = endpoint(
  {
    id: 'get_members',
    method: 'GET',
    paths: [`${V1}/rooms/:roomId/members`],
    auth: 'user',
    guests: true,
    codes: CODES_OF_PAGES,
    params: Type.Object({ roomId: Type.String() }),
    query: Type.Object({
      from: Type.Optional(Type.String()),
      to: Type.Optional(Type.String()),
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
  },
  async (
    needs: ShowsEvents & { visibility: Visibility; timeline: Timeline; states: ShownStates },
    { params, query: { from = 'START', to = 'END', limit }, session },
  ) => {
    const { timeline, states, visibility } = needs;
    const access = await visibility.accessOrForbid(roomId(params.roomId), session.userId);
    const placeOf = (token: string) => (token === 'START' ? START : (placeOfToken(token) ?? timeline.end()));
    const [after, upTo] = [placeOf(from), placeOf(to)];
    const root = await states.wholeRoot(access);
    const members = await states.stateEvents(root, (type) => type === 'm.room.member');
    const page = members
      .filter(({ position }) => position > after && position <= upTo)
      .sort((a, b) => a.position - b.position)
      .slice(0, limit);
    return {
      chunk: await v1Events(needs, viewerOf(needs, session), page),
      start: tokenOf(after),
      end: tokenOf(page.at(-1)?.position ?? after),
    };
  },
);

function tokenOf(place: number): string {
  return place === START ? 'START' : streamToken(place);
}
