import { Type } from 'typebox';
import type { DelayedEvents } from '../../../modules/delayed-events/index.ts';
import { endpoint } from '../../../wire/endpoint.ts';

interface Needs {
  delayedEvents: DelayedEvents;
}

const PATH = '/_matrix/client/unstable/org.matrix.msc4140/delayed_events';
const ONE = Type.Object({ delayId: Type.String() });
const ACTION = Type.Union([Type.Literal('cancel'), Type.Literal('restart'), Type.Literal('send')]);

/** GET /delayed_events: those that wait. Nothing is kept of those that were sent or dropped. */
export const getDelayedEvents = endpoint(
  {
    id: 'getDelayedEvents',
    method: 'GET',
    paths: [PATH],
    auth: 'user',
    query: Type.Object({
      from: Type.Optional(Type.String()),
      status: Type.Optional(Type.Union([Type.Literal('scheduled'), Type.Literal('finalised')])),
      delay_id: Type.Optional(Type.String()),
    }),
  },
  async ({ delayedEvents }: Needs, request) => {
    const { from, status, delay_id: delayId } = request.query;
    if (status === 'finalised') return { delayed_events: [] };
    const { userId } = request.session;
    if (delayId !== undefined) {
      const event = await delayedEvents.waitingOne(userId, delayId);
      return { delayed_events: event ? [event] : [] };
    }
    const { events, nextBatch } = await delayedEvents.waiting(userId, from);
    return { delayed_events: events, ...(nextBatch === undefined ? {} : { next_batch: nextBatch }) };
  },
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
