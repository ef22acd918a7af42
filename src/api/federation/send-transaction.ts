import { Type } from 'typebox';
import type { TransactionReceiver } from '../../federation/receiving/transaction-receiver.ts';
import type { JsonValue } from '../../protocol/json.ts';
import { endpoint, federationPaths } from '../../wire/endpoint.ts';

/** PUT /_matrix/federation/v1/send/{txnId} */
export const sendTransaction = endpoint(
  {
    id: 'sendTransaction',
    spec: 'server-server-api/#put_matrixfederationv1sendtxnid',
    method: 'PUT',
    paths: federationPaths('/send/:txnId', { since2015: true }),
    auth: 'server',
    oddJson: 'allowed',
    params: Type.Object({ txnId: Type.String() }),
    body: Type.Object({
      pdus: Type.Optional(Type.Array(Type.Unknown())),
      edus: Type.Optional(Type.Array(Type.Unknown())),
    }),
  },
  ({ transactions }: { transactions: TransactionReceiver }, { origin, params, body }) =>
    transactions.receive(origin, params.txnId, {
      pdus: (body.pdus ?? []) as JsonValue[],
      edus: (body.edus ?? []) as JsonValue[],
    }),
);
