import { Type } from 'typebox';
import type { Presence, PresenceLists } from '../../../modules/presence/index.ts';
import type { Profile } from '../../../modules/profile/index.ts';
import { userId } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { MatrixError, notFound } from '../../../protocol/matrix-error.ts';
import { endpoint, RawJson } from '../../../wire/endpoint.ts';
import { ownUser } from '../../client/user/own-user.ts';
import { presenceOf2015, v1Presence } from '../event-shape.ts';
import { V1 } from '../legacy-paths.ts';
import { CODES_OF_2015, CODES_OF_BODIES } from '../old-form.ts';
import { withProfile } from '../presence-profile.ts';

const STATUS = `${V1}/presence/:userId/status`;
/** Users that one request may name. */
const MOST = 100;
const Users = Type.Optional(Type.Array(Type.String(), { maxItems: MOST }));

/** GET /presence/{userId}/status: who does not show it to the asker has none, as far as they are told. */
const v1GetPresence = endpoint(
  {
    id: 'get_presence',
    method: 'GET',
    paths: [STATUS],
    auth: 'user',
    codes: CODES_OF_2015,
    params: Type.Object({ userId: Type.String() }),
  },
  async (needs: { presence: Presence }, { params, session }) => {
    const asked = userId(params.userId);
    try {
      return presenceOf2015(await needs.presence.get(session.userId, asked));
    } catch (error) {
      const isHidden = error instanceof MatrixError && error.errcode === 'M_FORBIDDEN';
      throw isHidden ? notFound(error.message) : error;
    }
  },
);

/** PUT /presence/{userId}/status */
const v1SetPresence = endpoint(
  {
    id: 'set_presence',
    method: 'PUT',
    paths: [STATUS],
    auth: 'user',
    codes: CODES_OF_2015,
    params: Type.Object({ userId: Type.String() }),
    body: Type.Object({
      presence: Type.Union([
        Type.Literal('online'),
        Type.Literal('offline'),
        Type.Literal('unavailable'),
        Type.Literal('free_for_chat'),
      ]),
      status_msg: Type.Optional(Type.String({ maxLength: 4_096 })),
    }),
  },
  async (needs: { presence: Presence }, { params, session, body }) => {
    await needs.presence.set(session, userId(params.userId), body.presence, body.status_msg);
    return {};
  },
);

const list = {
  paths: [`${V1}/presence/list/:userId`],
  auth: 'user',
  codes: CODES_OF_2015,
  params: Type.Object({ userId: Type.String() }),
} as const;

/** GET /presence/list/{userId}: those who accepted to be in one's list, and after them who asks to have one in theirs. */
const v1PresenceList = endpoint(
  { ...list, id: 'get_presence_list', method: 'GET' },
  async (needs: { presenceLists: PresenceLists; profile: Profile }, { params, session }) => {
    const observer = ownUser(session, params.userId);
    const { presence, invites } = await needs.presenceLists.list(observer);
    const events: JsonObject[] = [];
    for (const event of presence) events.push(v1Presence(await withProfile(needs, event)));
    const asking = invites.map((by) => ({
      type: 'm.presence_invite',
      content: { observer_user: by, observed_user: observer },
    }));
    return new RawJson(JSON.stringify([...events, ...asking]));
  },
);

/** POST /presence/list/{userId}. The text has no way to accept: `accept` and `deny` are that. */
const v1ChangePresenceList = endpoint(
  {
    ...list,
    id: 'modify_presence_list',
    method: 'POST',
    codes: CODES_OF_BODIES,
    limit: 'other',
    body: Type.Object({ invite: Users, drop: Users, accept: Users, deny: Users }),
  },
  async (needs: { presenceLists: PresenceLists }, { params, session, body }) => {
    const users = (ids: readonly string[] | undefined) => (ids ?? []).map((id) => userId(id));
    await needs.presenceLists.change(ownUser(session, params.userId), {
      invite: users(body.invite),
      drop: users(body.drop),
      accept: users(body.accept),
      deny: users(body.deny),
    });
    return {};
  },
);

/** Whether people are there, and whom one follows (presence.rst of October 2015). */
export const v1PresenceEndpoints = [
  v1GetPresence,
  v1SetPresence,
  v1PresenceList,
  v1ChangePresenceList,
] as const;
