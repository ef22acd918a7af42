import { checkAuth } from '../../protocol/auth/auth-rules.ts';
import { resolveConflicts } from '../../protocol/state-resolution/resolve-state.ts';

/** What decides who may do what in rooms, and which state holds after a fork. A simulation puts wrong rules in their place. */
export interface RoomRules {
  readonly checkAuth: typeof checkAuth;
  readonly resolveConflicts: typeof resolveConflicts;
}

/** The rules of the specification. */
export const ROOM_RULES: RoomRules = { checkAuth, resolveConflicts };
