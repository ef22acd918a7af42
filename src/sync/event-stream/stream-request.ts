import { DEFAULT_CLIENT_FILTER } from '../../protocol/filter/client-filter.ts';
import type { DeviceId, UserId } from '../../protocol/identifiers.ts';
import type { SyncRequest } from '../../modules/sync-part.ts';
import type { RoomMembership } from '../../rooms/reading/room-reads.ts';
import { joinedSince } from '../joined-since.ts';
import type { EventStreamNeeds } from './event-stream-needs.ts';

/** Who reads the stream. */
export interface StreamReader {
  readonly userId: UserId;
  readonly deviceId: DeviceId | undefined;
}

/** What modules are asked for what they add to the stream between two places of the log; from its beginning for none. */
export async function streamRequest(
  { recent, needs }: EventStreamNeeds,
  reader: StreamReader,
  rooms: Iterable<RoomMembership>,
  { since, upTo }: { since: number | undefined; upTo: number },
): Promise<SyncRequest> {
  const joined = await joinedSince(needs, rooms, since);
  const { userId, deviceId } = reader;
  return {
    ...{ userId, deviceId, since, upTo, recent },
    toDeviceSince: since,
    filter: DEFAULT_CLIENT_FILTER,
    ...joined,
  };
}
