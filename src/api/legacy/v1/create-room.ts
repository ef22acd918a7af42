import { Type, type Static } from 'typebox';
import type { ClientTransactions } from '../../../accounts/client-transactions.ts';
import type { Aliases } from '../../../rooms/creation/aliases.ts';
import type { RoomCreation } from '../../../rooms/creation/create-room.ts';
import type { CreatedRoom } from '../../../rooms/creation/room-wishes.ts';
import type { Writer } from '../../../storage/database.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import type { Session } from '../../../wire/session.ts';
import { RoomBody, roomWishes } from '../../client/rooms/create-room.ts';
import { assertHumanReadable } from '../human-id-check.ts';
import { V1 } from '../legacy-paths.ts';
import { CODES_OF_BODIES } from '../old-form.ts';

/**
 * The newest version whose rooms are as clients of 2015 know them: `creator` in m.room.create, the creator's power in
 * m.room.power_levels, `redacts` beside the content, a server's name in the room ID.
 */
const VERSION_LIKE_2015 = '10';

interface Needs {
  readonly creation: RoomCreation;
  readonly aliases: Aliases;
}

async function create(
  { creation, aliases }: Needs,
  session: Session,
  body: Static<typeof RoomBody>,
  also?: (unit: Writer, made: CreatedRoom) => void,
): Promise<Record<string, string>> {
  assertHumanReadable({ room_alias: body.room_alias_name });
  const roomVersion = body.room_version ?? VERSION_LIKE_2015;
  const wishes = { ...roomWishes(session, body), roomVersion };
  const made = await creation.create(session.userId, wishes, also);
  if (made.alias !== undefined) await aliases.announce(session.userId, made.roomId);
  return answerOf(made);
}

function answerOf({ roomId, alias }: CreatedRoom): Record<string, string> {
  return alias === undefined ? { room_id: roomId } : { room_id: roomId, room_alias: alias };
}

const declaration = {
  auth: 'user',
  whenSuspended: 'refused',
  limit: 'createRoom',
  codes: CODES_OF_BODIES,
  body: RoomBody,
} as const;

/** POST /createRoom */
export const v1CreateRoom = endpoint(
  { ...declaration, id: 'create_room', method: 'POST', paths: [`${V1}/createRoom`] },
  (needs: Needs, { session, body }) => create(needs, session, body),
);

/** PUT /createRoom/{txnId}: the same once, even if the server stops in between. */
export const v1CreateRoomOnce = endpoint(
  {
    ...declaration,
    id: 'create_room_txn',
    method: 'PUT',
    paths: [`${V1}/createRoom/:txnId`],
    params: Type.Object({ txnId: Type.String() }),
  },
  (needs: Needs & { clientTransactions: ClientTransactions }, { session, body, params }) =>
    needs.clientTransactions.once(session, ['create_room', params.txnId], (remember) =>
      create(needs, session, body, (unit, made) => remember(unit, answerOf(made))),
    ),
);
