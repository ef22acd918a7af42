import { canonicalMembers, joinMembers, type CanonicalMember } from '../../protocol/canonical-json.ts';
import type { Pdu } from '../../protocol/events/event.ts';
import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import { authDepthFrom } from '../../protocol/state-resolution/event-source.ts';
import type { EventRow } from '../../storage/rooms/events-store.ts';
import { BEFORE_HISTORY } from '../../storage/unit-of-work.ts';
import { rootToBytes, StoredEvent, UNKNOWN_ROOT, type StateRoot } from './stored-event.ts';

/** What is known of an event beside what it says itself. */
export interface EventPlace {
  readonly eventId: EventId;
  readonly roomId: RoomId;
  readonly authDepth: number | undefined;
  /** State after the event, if it is known. */
  readonly root: StateRoot | undefined;
  /** The room's present state once the event is added, where it is another. */
  readonly roomRoot?: StateRoot | undefined;
  readonly replaces?: EventId | undefined;
  readonly redactedBy?: EventId | undefined;
  readonly transaction?: string | undefined;
  readonly refused?: 'rejected' | 'soft-failed' | undefined;
  /** Whether the event is in no timeline. */
  readonly isAside?: boolean;
}

/** Keys of a PDU that have columns of their own in the table of events. */
const COLUMN_KEYS: ReadonlySet<string> = new Set([
  'content',
  'origin_server_ts',
  'room_id',
  'sender',
  'state_key',
  'type',
  'unsigned',
]);

/**
 * The event as it is kept. `unsigned` of the PDU is left out: nobody vouches for it.
 *
 * @param members the PDU's keys as canonical JSON, where they were encoded already.
 */
export function eventOfPdu(
  pdu: Pdu,
  version: RoomVersion,
  place: EventPlace,
  members: readonly CanonicalMember[] = canonicalMembers(pdu, { strict: version.strictCanonicalJson }),
): StoredEvent {
  const isOfEnvelope = ({ key }: CanonicalMember) =>
    !COLUMN_KEYS.has(key) && !(key === 'event_id' && version.eventIdFormat === 'server-chosen');
  const stateKey = typeof pdu.state_key === 'string' ? pdu.state_key : null;
  const row: EventRow = {
    position: place.isAside === true ? BEFORE_HISTORY : Number.NaN,
    event_id: place.eventId,
    room_id: place.roomId,
    type: pdu.type,
    state_key: stateKey,
    sender: pdu.sender,
    origin_server_ts: pdu.origin_server_ts,
    content: valueOf(members, 'content'),
    envelope: joinMembers(members.filter(isOfEnvelope)),
    state_root: place.root === undefined ? UNKNOWN_ROOT : rootToBytes(place.root),
    replaces: place.replaces ?? null,
    redacted_by: place.redactedBy ?? null,
    txn: place.transaction ?? null,
    auth_depth: stateKey === null ? null : (place.authDepth ?? null),
    room_root: place.roomRoot === undefined ? null : rootToBytes(place.roomRoot),
    refused: place.refused ?? null,
  };
  return new StoredEvent(row, pdu.content);
}

function valueOf(members: readonly CanonicalMember[], key: string): string {
  const text = members.find((member) => member.key === key)?.text ?? '';
  return text.slice(key.length + 3);
}

/** The auth depth of an event that cites these; undefined when that of one of them was never worked out. */
export function authDepthOf(authEvents: Iterable<StoredEvent>): number | undefined {
  const depths: number[] = [];
  for (const event of authEvents) {
    if (event.authDepth === undefined) return undefined;
    depths.push(event.authDepth);
  }
  return authDepthFrom(depths);
}
