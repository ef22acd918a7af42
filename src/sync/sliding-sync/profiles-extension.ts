import type { RoomId } from '../../protocol/identifiers.ts';
import type { Answering } from './room-view.ts';
import { roomsOfMates } from './rooms-of-mates.ts';
import type { SlidingSyncNeeds } from './sliding-sync-needs.ts';

/**
 * Profiles of the user and of those in the same rooms: at first as they are, then what changes (MSC4262). A profile may be
 * told again when somebody comes into another room.
 *
 * @param changed rooms in which something happened since the last answer; undefined when that is not known.
 */
export async function profilesExtension(
  needs: SlidingSyncNeeds,
  { fields }: { fields: readonly string[] | undefined },
  answering: Answering,
  changed: ReadonlySet<RoomId> | undefined,
): Promise<string | undefined> {
  const { userId, since, upTo, recent } = answering;
  const wish = { fields, lazily: true };
  if (since === undefined) {
    const joinedRooms = await needs.memberships.joined(userId);
    const span = { userId, after: undefined, upTo, joinedRooms, newlyJoined: new Set<RoomId>(), recent };
    return textOf(await needs.profileUpdates.news(span, wish));
  }
  const anyChanged = recent.changedSince(since, 'profile');
  const isQuiet = !anyChanged && changed?.size === 0 && !recent.userChangedSince(userId, since, 'event');
  if (isQuiet) return undefined;
  const rooms = await roomsOfMates(needs, answering, since, anyChanged ? undefined : changed);
  return textOf(await needs.profileUpdates.news({ userId, after: since, upTo, recent, ...rooms }, wish));
}

function textOf(news: Awaited<ReturnType<SlidingSyncNeeds['profileUpdates']['news']>>): string | undefined {
  if (news.size === 0) return undefined;
  const users = [...news].map(([userId, change]) => {
    if (change === 'gone') return `${JSON.stringify(userId)}:null`;
    const updated = [...change].filter(([, value]) => value !== undefined);
    const removed = [...change].filter(([, value]) => value === undefined).map(([field]) => field);
    const parts: string[] = [];
    if (updated.length > 0) {
      const fields = updated.map(([field, value]) => `${JSON.stringify(field)}:${value ?? ''}`);
      parts.push(`"updated":{${fields.join(',')}}`);
    }
    if (removed.length > 0) parts.push(`"removed":${JSON.stringify(removed)}`);
    return `${JSON.stringify(userId)}:{${parts.join(',')}}`;
  });
  return `{"users":{${users.join(',')}}}`;
}
