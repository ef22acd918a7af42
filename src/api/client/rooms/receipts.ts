import { Type } from 'typebox';
import type { Receipts } from '../../../modules/receipts/index.ts';
import { eventId, roomId } from '../../../protocol/identifiers.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /rooms/{roomId}/receipt/{receiptType}/{eventId} */
export const postReceipt = endpoint(
  {
    id: 'postReceipt',
    method: 'POST',
    paths: clientPaths('/rooms/:roomId/receipt/:receiptType/:eventId'),
    auth: 'user',
    params: Type.Object({ roomId: Type.String(), receiptType: Type.String(), eventId: Type.String() }),
    body: Type.Object({ thread_id: Type.Optional(Type.String()) }),
  },
  async (needs: { receipts: Receipts }, request) => {
    const { params, session, body } = request;
    await needs.receipts.set(session.userId, roomId(params.roomId), {
      type: params.receiptType,
      eventId: eventId(params.eventId),
      threadId: body.thread_id,
    });
    return {};
  },
);

/** POST /rooms/{roomId}/read_markers */
export const setReadMarker = endpoint(
  {
    id: 'setReadMarker',
    method: 'POST',
    paths: clientPaths('/rooms/:roomId/read_markers'),
    auth: 'user',
    params: Type.Object({ roomId: Type.String() }),
    body: Type.Object({
      'm.fully_read': Type.Optional(Type.String()),
      'm.read': Type.Optional(Type.String()),
      'm.read.private': Type.Optional(Type.String()),
    }),
  },
  async (needs: { receipts: Receipts }, request) => {
    const room = roomId(request.params.roomId);
    for (const type of ['m.fully_read', 'm.read', 'm.read.private'] as const) {
      const id = request.body[type];
      if (id === undefined) continue;
      const receipt = { type, eventId: eventId(id), threadId: undefined };
      await needs.receipts.set(request.session.userId, room, receipt);
    }
    return {};
  },
);
