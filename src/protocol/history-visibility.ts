/** What decides whether a user may see an event. */
export interface EventAccess {
  /** `history_visibility` in the state at the event; undefined or unknown values count as `shared`. */
  readonly visibility: string | undefined;
  /** The user's membership in the state at the event. */
  readonly membership: string;
  /** Whether the user was joined at any time after the event. */
  readonly joinedLater: boolean;
}

/**
 * Whether a user may see an event (Client-Server API, "Room history visibility"). For events that change the
 * visibility or the user's own membership, ask with the value before and with the value after: one yes is enough.
 */
export function mayRead({ visibility, membership, joinedLater }: EventAccess): boolean {
  if (visibility === 'world_readable' || membership === 'join') return true;
  switch (visibility) {
    case 'joined':
      return false;
    case 'invited':
      return membership === 'invite';
    default:
      return joinedLater;
  }
}
