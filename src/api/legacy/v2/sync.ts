import { Type } from 'typebox';
import type { Filters } from '../../../modules/filters/index.ts';
import type { Presence } from '../../../modules/presence/index.ts';
import type { Profile } from '../../../modules/profile/index.ts';
import type { ClientFilter } from '../../../protocol/filter/client-filter.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import type { SyncService } from '../../../sync/sync-service.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import { LONGEST_SYNC_MS } from '../../client/sync.ts';
import { V2_ALPHA } from '../legacy-paths.ts';
import { CODES_OF_PAGES } from '../old-form.ts';
import { withProfile } from '../presence-profile.ts';
import { alphaSync, presenceIn } from './sync-shape.ts';

/** GET /sync */
export const v2Sync = endpoint(
  {
    id: 'sync_v2',
    method: 'GET',
    paths: [`${V2_ALPHA}/sync`],
    auth: 'user',
    guests: true,
    codes: CODES_OF_PAGES,
    query: Type.Object({
      filter: Type.Optional(Type.String()),
      since: Type.Optional(Type.String()),
      set_presence: Type.Optional(Type.Literal('offline')),
      timeout: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
  },
  async (
    needs: { sync: SyncService; filters: Filters; presence: Presence; profile: Profile },
    { query, session, signal },
  ) => {
    const timeoutMs = Math.min(query.timeout ?? 0, LONGEST_SYNC_MS);
    const becoming = needs.presence.seen(session, query.set_presence ?? 'online', timeoutMs);
    if (becoming) await becoming;
    const filter = await needs.filters.resolveFilter(session.userId, query.filter, 'patterns');
    const pieces = await needs.sync.sync({
      userId: session.userId,
      deviceId: session.deviceId,
      since: query.since === '' ? undefined : query.since,
      filter: wholeEvents(filter),
      fullState: false,
      stateAs: 'state',
      timeoutMs,
      signal,
    });
    const answer = JSON.parse(pieces.join('')) as JsonObject;
    const presence: JsonObject[] = [];
    for (const event of presenceIn(answer)) presence.push(await withProfile(needs, event));
    const form = { prune: filter.pruneEvent, format: filter.eventFormat };
    return alphaSync({ ...answer, presence: { events: presence } }, form);
  },
);

/** Fields are taken out once the events are in their map; rooms that were left are always among the archived. */
function wholeEvents(filter: ClientFilter): ClientFilter {
  const room = { ...filter.room, includeLeave: true };
  return { ...filter, room, prunesEvents: false, pruneEvent: (event) => event };
}
