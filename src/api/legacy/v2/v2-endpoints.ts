import { Type } from 'typebox';
import type { Filters } from '../../../modules/filters/index.ts';
import { extraOf, type Receipts } from '../../../modules/receipts/index.ts';
import { eventId, roomId } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import { getFilter } from '../../client/user/filters.ts';
import { ownUser } from '../../client/user/own-user.ts';
import { V2_ALPHA } from '../legacy-paths.ts';
import { CODES_OF_2015, oldForm } from '../old-form.ts';
import { v2Sync } from './sync.ts';

const FILTER = `${V2_ALPHA}/user/:userId/filter`;

/** POST /user/{userId}/filter: IDs of rooms and senders may have wildcards. */
const v2CreateFilter = endpoint(
  {
    id: 'create_filter',
    method: 'POST',
    paths: [FILTER],
    auth: 'user',
    guests: true,
    codes: CODES_OF_2015,
    params: Type.Object({ userId: Type.String() }),
    body: Type.Record(Type.String(), Type.Unknown()),
  },
  async (needs: { filters: Filters }, { params, session, body }) => ({
    filter_id: await needs.filters.add(ownUser(session, params.userId), body as JsonObject, 'patterns'),
  }),
);

/** POST /rooms/{roomId}/receipt/{receiptType}/{eventId}: that one has read up to an event, with what else is said of it. */
const v2Receipt = endpoint(
  {
    id: 'post_receipt',
    method: 'POST',
    paths: [`${V2_ALPHA}/rooms/:roomId/receipt/:receiptType/:eventId`],
    auth: 'user',
    codes: CODES_OF_2015,
    params: Type.Object({
      roomId: Type.String(),
      receiptType: Type.Literal('m.read'),
      eventId: Type.String(),
    }),
    nullBody: 'absent',
    body: Type.Record(Type.String(), Type.Unknown()),
  },
  async (needs: { receipts: Receipts }, { params, session, body }) => {
    await needs.receipts.set(session.userId, roomId(params.roomId), {
      type: params.receiptType,
      eventId: eventId(params.eventId),
      threadId: undefined,
      extra: extraOf(body as JsonObject),
    });
    return {};
  },
);

/** Version 2 alpha of the Client-Server API as of October 2015, but for accounts. */
export const v2Endpoints = [
  v2Sync,
  v2CreateFilter,
  oldForm(getFilter, { id: 'get_filter', paths: [`${FILTER}/:filterId`] }),
  v2Receipt,
] as const;
