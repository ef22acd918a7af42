import { Type } from 'typebox';
import type { Profile } from '../../../modules/profile/index.ts';
import { userId } from '../../../protocol/identifiers.ts';
import { isJsonObject, type JsonValue } from '../../../protocol/json.ts';
import { badJson, MatrixError } from '../../../protocol/matrix-error.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import type { Session } from '../../../wire/session.ts';

const oneField = {
  paths: clientPaths('/profile/:userId/:keyName', { unstable: ['uk.tcpip.msc4133'] }),
  params: Type.Object({ userId: Type.String(), keyName: Type.String() }),
} as const;

/** GET /profile/{userId} */
export const getUserProfile = endpoint(
  {
    id: 'getUserProfile',
    method: 'GET',
    paths: clientPaths('/profile/:userId', { unstable: ['uk.tcpip.msc4133'] }),
    auth: 'none',
    params: Type.Object({ userId: Type.String() }),
  },
  (needs: { profile: Profile }, request) => needs.profile.get(userId(request.params.userId)),
);

/** GET /profile/{userId}/{keyName} */
export const getProfileField = endpoint(
  { ...oneField, id: 'getProfileField', method: 'GET', auth: 'none' },
  async (needs: { profile: Profile }, request) => {
    const { keyName } = request.params;
    return { [keyName]: await needs.profile.field(userId(request.params.userId), keyName) };
  },
);

/** PUT /profile/{userId}/{keyName} */
export const setProfileField = endpoint(
  {
    ...oneField,
    id: 'setProfileField',
    method: 'PUT',
    auth: 'user',
    whenSuspended: 'refused',
    guests: true,
    body: Type.Unknown(),
  },
  async (needs: { profile: Profile }, request) => {
    const { userId: target, keyName } = request.params;
    assertMayChange(request.session, keyName);
    if (!isJsonObject(request.body)) throw badJson('The body must be an object with the field');
    const value = request.body[keyName];
    if (value === undefined)
      throw new MatrixError(400, 'M_MISSING_PARAM', `"${keyName}" must be given in the body`);
    await needs.profile.set(request.session.userId, target, keyName, emptied(keyName, value));
    return {};
  },
);

/** DELETE /profile/{userId}/{keyName} */
export const deleteProfileField = endpoint(
  {
    ...oneField,
    id: 'deleteProfileField',
    method: 'DELETE',
    auth: 'user',
    whenSuspended: 'refused',
    guests: true,
  },
  async (needs: { profile: Profile }, request) => {
    const { userId: target, keyName } = request.params;
    assertMayChange(request.session, keyName);
    await needs.profile.set(request.session.userId, target, keyName, undefined);
    return {};
  },
);

/** Guests have a name, and nothing else in their profile (Client-Server API, "Guest Access"). */
function assertMayChange({ isGuest }: Session, key: string): void {
  if (!isGuest || key === 'displayname') return;
  throw new MatrixError(403, 'M_GUEST_ACCESS_FORBIDDEN', 'Guests may only change their display name');
}

/** Clients that know no deletion empty a name or picture instead. `null` is no way to delete a field. */
function emptied(key: string, value: JsonValue): JsonValue | undefined {
  const isOld = key === 'displayname' || key === 'avatar_url';
  return isOld && value === '' ? undefined : value;
}
