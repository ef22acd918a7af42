import { Type } from 'typebox';
import { assertAdmin } from '../../../accounts/administration.ts';
import type { ServerNotices } from '../../../modules/server-notices/index.ts';
import { userId } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { badJson } from '../../../protocol/matrix-error.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import type { Session } from '../../../wire/session.ts';

interface Needs {
  serverNotices: ServerNotices;
  opaque: (length: number) => string;
}

const PATH = '/_synapse/admin/v1/send_server_notice';
const BODY = Type.Object({
  user_id: Type.Optional(Type.String()),
  type: Type.Optional(Type.String({ minLength: 1 })),
  state_key: Type.Optional(Type.String()),
  content: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});

/** Sends a notice; whoever is no administrator learns nothing about what the body should be. */
async function send(
  needs: Needs,
  session: Session,
  body: { user_id?: string; type?: string; state_key?: string; content?: Record<string, unknown> },
  txnId: string,
) {
  assertAdmin(session);
  const { user_id: target, type = 'm.room.message', state_key: stateKey } = body;
  if (target === undefined || body.content === undefined)
    throw badJson('"user_id" and "content" must be given');
  const content = body.content as JsonObject;
  const notice = { type, content, txnId, ...(stateKey === undefined ? {} : { stateKey }) };
  return { event_id: await needs.serverNotices.send(userId(target), notice) };
}

/** POST /_synapse/admin/v1/send_server_notice */
export const sendServerNotice = endpoint(
  { id: 'sendServerNotice', method: 'POST', paths: [PATH], auth: 'user', body: BODY },
  (needs: Needs, { session, body }) => send(needs, session, body, needs.opaque(18)),
);

/** PUT /_synapse/admin/v1/send_server_notice/{txnId} */
export const sendServerNoticeOnce = endpoint(
  {
    id: 'sendServerNoticeOnce',
    method: 'PUT',
    paths: [`${PATH}/:txnId`],
    auth: 'user',
    params: Type.Object({ txnId: Type.String() }),
    body: BODY,
  },
  (needs: Needs, { session, body, params }) =>
    send(needs, session, body, JSON.stringify([session.userId, params.txnId])),
);
