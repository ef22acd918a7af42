import { Type } from 'typebox';
import type { ToDevice } from '../../../modules/to-device/index.ts';
import { userId, type UserId } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** PUT /sendToDevice/{eventType}/{txnId} */
export const sendToDevice = endpoint(
  {
    id: 'sendToDevice',
    spec: 'client-server-api/#put_matrixclientv3sendtodeviceeventtypetxnid',
    method: 'PUT',
    paths: clientPaths('/sendToDevice/:eventType/:txnId'),
    auth: 'user',
    guests: true,
    params: Type.Object({
      eventType: Type.String({ minLength: 1, maxLength: 255 }),
      txnId: Type.String({ minLength: 1, maxLength: 255 }),
    }),
    body: Type.Object({
      messages: Type.Record(
        Type.String(),
        Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown())),
      ),
    }),
  },
  async (needs: { toDevice: ToDevice }, request) => {
    const messages = new Map<UserId, Record<string, JsonObject>>();
    for (const [user, devices] of Object.entries(request.body.messages)) {
      messages.set(userId(user), devices as Record<string, JsonObject>);
    }
    const { eventType, txnId } = request.params;
    await needs.toDevice.send(request.session, eventType, txnId, messages);
    return {};
  },
);
