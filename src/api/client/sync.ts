import { Type } from 'typebox';
import type { ClientFilter } from '../../protocol/filter/client-filter.ts';
import type { UserId } from '../../protocol/identifiers.ts';
import type { StateName } from '../../sync/sync-context.ts';
import type { SyncService } from '../../sync/sync-service.ts';
import { clientPaths, endpoint, RawJson } from '../../wire/endpoint.ts';
import type { Session } from '../../wire/session.ts';

/** How long a sync waits at most, in ms. */
export const LONGEST_SYNC_MS = 120_000;

/** GET /sync */
export const sync = endpoint(
  {
    id: 'sync',
    spec: 'client-server-api/#get_matrixclientv3sync',
    method: 'GET',
    paths: clientPaths('/sync'),
    auth: 'user',
    guests: true,
    query: Type.Object({
      filter: Type.Optional(Type.String()),
      since: Type.Optional(Type.String()),
      full_state: Type.Optional(Type.Boolean()),
      use_state_after: Type.Optional(Type.Boolean()),
      'org.matrix.msc4222.use_state_after': Type.Optional(Type.Boolean()),
      set_presence: Type.Optional(
        Type.Union([Type.Literal('offline'), Type.Literal('online'), Type.Literal('unavailable')]),
      ),
      timeout: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
  },
  async (
    needs: {
      sync: SyncService;
      filters: {
        resolveFilter(userId: UserId, filter: string | undefined): Promise<ClientFilter> | ClientFilter;
      };
      presence: {
        seen(
          session: Session,
          setPresence: 'offline' | 'online' | 'unavailable',
          forMs: number,
        ): Promise<void> | undefined;
      };
    },
    request,
  ) => {
    const { query, session } = request;
    const timeoutMs = Math.min(query.timeout ?? 0, LONGEST_SYNC_MS);
    const becoming = needs.presence.seen(session, query.set_presence ?? 'online', timeoutMs);
    if (becoming) await becoming;
    const pieces = await needs.sync.sync({
      userId: session.userId,
      deviceId: session.deviceId,
      since: query.since === '' ? undefined : query.since,
      filter: await needs.filters.resolveFilter(session.userId, query.filter),
      fullState: query.full_state ?? false,
      stateAs: stateAs(query),
      timeoutMs,
      signal: request.signal,
    });
    return new RawJson(pieces);
  },
);

/** Clients that know MSC4222 by its old name read the answer by that name, too. */
function stateAs(query: Record<string, unknown>): StateName {
  if (query.use_state_after === true) return 'state_after';
  return query['org.matrix.msc4222.use_state_after'] === true ? 'org.matrix.msc4222.state_after' : 'state';
}
