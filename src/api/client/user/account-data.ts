import { Type } from 'typebox';
import type { AccountData } from '../../../modules/account-data/index.ts';
import type { PushRules } from '../../../modules/push/index.ts';
import { roomId } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { MatrixError } from '../../../protocol/matrix-error.ts';
import { pushRulesContent } from '../../../protocol/push/push-rules.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import { ownUser } from './own-user.ts';

/** Types that have endpoints of their own. */
const MANAGED = ['m.fully_read', 'm.push_rules'];

const global = {
  paths: clientPaths('/user/:userId/account_data/:type'),
  auth: 'user',
  params: Type.Object({ userId: Type.String(), type: Type.String() }),
} as const;
const ofRoom = {
  paths: clientPaths('/user/:userId/rooms/:roomId/account_data/:type'),
  auth: 'user',
  params: Type.Object({ userId: Type.String(), roomId: Type.String(), type: Type.String() }),
} as const;
const unstable = '/_matrix/client/unstable/org.matrix.msc3391/user/:userId';
const Content = Type.Record(Type.String(), Type.Unknown());

/** GET /user/{userId}/account_data/{type} */
export const getAccountData = endpoint(
  { ...global, id: 'getAccountData', method: 'GET' },
  async (needs: { accountData: AccountData; pushRules: PushRules }, request) => {
    const userId = ownUser(request.session, request.params.userId);
    const { type } = request.params;
    if (type === 'm.push_rules') return pushRulesContent(await needs.pushRules.all(userId));
    return needs.accountData.get(userId, undefined, type);
  },
);

/** PUT /user/{userId}/account_data/{type} */
export const setAccountData = endpoint(
  { ...global, id: 'setAccountData', method: 'PUT', body: Content },
  async (needs: { accountData: AccountData }, request) => {
    const userId = ownUser(request.session, request.params.userId);
    assertNotManaged(request.params.type);
    await needs.accountData.put(userId, undefined, request.params.type, request.body as JsonObject);
    return {};
  },
);

/** DELETE /user/{userId}/account_data/{type} (MSC3391) */
export const deleteAccountData = endpoint(
  { ...global, id: 'deleteAccountData', method: 'DELETE', paths: [`${unstable}/account_data/:type`] },
  async (needs: { accountData: AccountData }, request) => {
    const userId = ownUser(request.session, request.params.userId);
    assertNotManaged(request.params.type);
    await needs.accountData.remove(userId, undefined, request.params.type);
    return {};
  },
);

/** GET /user/{userId}/rooms/{roomId}/account_data/{type} */
export const getAccountDataPerRoom = endpoint(
  { ...ofRoom, id: 'getAccountDataPerRoom', method: 'GET' },
  (needs: { accountData: AccountData }, request) => {
    const userId = ownUser(request.session, request.params.userId);
    return needs.accountData.get(userId, roomId(request.params.roomId), request.params.type);
  },
);

/** PUT /user/{userId}/rooms/{roomId}/account_data/{type} */
export const setAccountDataPerRoom = endpoint(
  { ...ofRoom, id: 'setAccountDataPerRoom', method: 'PUT', body: Content },
  async (needs: { accountData: AccountData }, request) => {
    const userId = ownUser(request.session, request.params.userId);
    assertNotManaged(request.params.type);
    const { type } = request.params;
    await needs.accountData.put(userId, roomId(request.params.roomId), type, request.body as JsonObject);
    return {};
  },
);

/** DELETE /user/{userId}/rooms/{roomId}/account_data/{type} (MSC3391) */
export const deleteAccountDataPerRoom = endpoint(
  {
    ...ofRoom,
    id: 'deleteAccountDataPerRoom',
    method: 'DELETE',
    paths: [`${unstable}/rooms/:roomId/account_data/:type`],
  },
  async (needs: { accountData: AccountData }, request) => {
    const userId = ownUser(request.session, request.params.userId);
    assertNotManaged(request.params.type);
    await needs.accountData.remove(userId, roomId(request.params.roomId), request.params.type);
    return {};
  },
);

function assertNotManaged(type: string): void {
  if (!MANAGED.includes(type)) return;
  throw new MatrixError(
    405,
    'M_BAD_JSON',
    `${type} has endpoints of its own and cannot be set as account data`,
  );
}
