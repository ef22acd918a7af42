import { Type } from 'typebox';
import type {
  DelayedEventLists,
  DelayedEvents,
  DelayedPage,
  Status,
} from '../../../modules/delayed-events/index.ts';
import { endpoint } from '../../../wire/endpoint.ts';

interface Needs {
  delayedEvents: DelayedEvents;
}

interface ListNeeds {
  delayedEventLists: DelayedEventLists;
}

const PATH = '/_matrix/client/unstable/org.matrix.msc4140/delayed_events';
const ONE = Type.Object({ delayId: Type.String() });
const ACTION = Type.Union([Type.Literal('cancel'), Type.Literal('restart'), Type.Literal('send')]);
const STATUS = Type.Union([Type.Literal('scheduled'), Type.Literal('finalised')]);

/**
 * GET /delayed_events: those that wait, as `delayed_events`, and what became of others, as `finalised`. The merged proposal
 * leaves lists to another one; this is what clients know.
 */
export const getDelayedEvents = endpoint(
  {
    id: 'getDelayedEvents',
    method: 'GET',
    paths: [PATH],
    auth: 'user',
    query: Type.Object({
      from: Type.Optional(Type.String()),
      status: Type.Optional(STATUS),
      delay_id: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: 50 })])),
    }),
  },
  async ({ delayedEventLists: lists }: ListNeeds, request) => {
    const { delay_id: ids, ...query } = request.query;
    const { userId } = request.session;
    if (ids === undefined) return asList(await lists.page(userId, query), query.status);
    return asList(await lists.among(userId, [ids].flat(), query.status), query.status);
  },
);

function asList({ scheduled, finalised, nextBatch }: DelayedPage, status: Status | undefined) {
  return {
    delayed_events: scheduled,
    ...(status === 'scheduled' ? {} : { finalised }),
    ...(nextBatch === undefined ? {} : { next_batch: nextBatch }),
  };
}

/** GET /delayed_events/{delayId}: one of the user's events, whether it waits or not. */
export const getDelayedEvent = endpoint(
  { id: 'getDelayedEvent', method: 'GET', paths: [`${PATH}/:delayId`], auth: 'user', params: ONE },
  ({ delayedEventLists: lists }: ListNeeds, request) =>
    lists.one(request.session.userId, request.params.delayId),
);

async function act(delayedEvents: DelayedEvents, delayId: string, action: 'cancel' | 'restart' | 'send') {
  if (action === 'cancel') await delayedEvents.cancel(delayId);
  else if (action === 'restart') await delayedEvents.restart(delayId);
  else await delayedEvents.sendNow(delayId);
  return {};
}

/** POST /delayed_events/{delayId}/cancel, restart and send. Whoever knows the delay ID may do so. */
export const updateDelayedEvents = (['cancel', 'restart', 'send'] as const).map((action) =>
  endpoint(
    {
      id: `${action}DelayedEvent`,
      method: 'POST',
      paths: [`${PATH}/:delayId/${action}`],
      auth: 'none',
      limit: 'other',
      params: ONE,
      body: Type.Object({}),
    },
    ({ delayedEvents }: Needs, request) => act(delayedEvents, request.params.delayId, action),
  ),
);

/** POST /delayed_events/{delayId}: the older form, with the action in the body. */
export const updateDelayedEvent = endpoint(
  {
    id: 'updateDelayedEvent',
    method: 'POST',
    paths: [`${PATH}/:delayId`],
    auth: 'none',
    limit: 'other',
    params: ONE,
    body: Type.Object({ action: ACTION }),
  },
  ({ delayedEvents }: Needs, request) => act(delayedEvents, request.params.delayId, request.body.action),
);
