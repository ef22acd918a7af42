import type { RoomId, ServerName, UserId } from '../../protocol/identifiers.ts';
import * as presenceStore from '../../storage/accounts/presence-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { PresenceState } from './attendance.ts';

/** What others were told of a user last. */
export interface Told {
  readonly presence: PresenceState;
  readonly statusMsg: string | undefined;
}

/** The presence of a user as it is kept. */
export interface Noted extends Told {
  /** Milliseconds since the epoch. */
  readonly lastActiveAt: number;
  /** The device that said so, if one did. */
  readonly device?: string | undefined;
}

/** Keeps the presence of a user and tells those who see it. */
export function presenceNews(
  { userId, presence, statusMsg, lastActiveAt, device }: Noted & { readonly userId: UserId },
  { rooms, users, servers }: { rooms: readonly RoomId[]; users: readonly UserId[]; servers: ServerName[] },
): UnitOfWork {
  const unit = new UnitOfWork();
  const position = unit.position();
  presenceStore.put(unit, { userId, presence, statusMsg, lastActiveAt }, position);
  const who = device === undefined ? { userId } : { userId, device };
  const data = { ...who, presence, statusMsg: statusMsg ?? null, lastActiveAt, servers };
  unit.announce({ topic: 'presence', position, users, rooms, data });
  return unit;
}
