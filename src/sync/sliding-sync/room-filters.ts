import type { RoomId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import type { RoomMembership } from '../../rooms/reading/room-reads.ts';

/**
 * Which rooms a list is to hold (MSC4186, `SlidingRoomFilter`). What is left out lets every room through. A room of other
 * servers of which nothing was told counts as one without name, type and encryption, so that its invite is in some list.
 */
export interface RoomFilters {
  readonly isDm?: boolean | undefined;
  readonly isEncrypted?: boolean | undefined;
  readonly isInvite?: boolean | undefined;
  readonly spaces?: readonly RoomId[] | undefined;
  readonly roomTypes?: readonly (string | null)[] | undefined;
  readonly notRoomTypes?: readonly (string | null)[] | undefined;
  readonly nameLike?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly notTags?: readonly string[] | undefined;
}

/** State that filters look at, each with an empty state key. */
const FILTERED_TYPES = ['m.room.create', 'm.room.encryption', 'm.room.name'] as const;
export type FilteredType = (typeof FILTERED_TYPES)[number];

/** Whether filters look at state of the type. */
export function isFilteredType(type: unknown): type is FilteredType {
  return FILTERED_TYPES.some((one) => one === type);
}

/** What filters look at. Everything may be asked for any of the user's rooms. */
export interface FilterFacts {
  membership(roomId: RoomId): RoomMembership | undefined;
  state(type: FilteredType): Promise<ReadonlyMap<RoomId, JsonObject>>;
  direct(): Promise<ReadonlySet<RoomId>>;
  tags(): Promise<ReadonlyMap<RoomId, JsonObject>>;
  /** Rooms that one of the spaces names as a child, if the user is joined to the space. */
  children(spaces: readonly RoomId[]): Promise<ReadonlySet<RoomId>>;
}

/** Says whether a room passes. */
export type RoomTest = (roomId: RoomId) => boolean;

/** Fetches what the filters look at, and gives the test that they are. */
export async function compileFilters(filters: RoomFilters, facts: FilterFacts): Promise<RoomTest> {
  const tests: RoomTest[] = [];
  const { isDm, isEncrypted, isInvite, spaces, nameLike } = filters;
  if (isInvite !== undefined) {
    tests.push((roomId) => (facts.membership(roomId)?.membership === 'invite') === isInvite);
  }
  if (isDm !== undefined) {
    const direct = await facts.direct();
    tests.push((roomId) => direct.has(roomId) === isDm);
  }
  if (isEncrypted !== undefined) {
    const encrypted = await facts.state('m.room.encryption');
    tests.push((roomId) => encrypted.has(roomId) === isEncrypted);
  }
  if (spaces !== undefined) {
    const children = await facts.children(spaces);
    tests.push((roomId) => children.has(roomId));
  }
  if (nameLike !== undefined) {
    const names = await facts.state('m.room.name');
    const wanted = nameLike.toLowerCase();
    tests.push((roomId) => textAt(names.get(roomId), 'name').toLowerCase().includes(wanted));
  }
  tests.push(...(await typeTests(filters, facts)), ...(await tagTests(filters, facts)));
  return (roomId) => tests.every((test) => test(roomId));
}

async function typeTests(filters: RoomFilters, facts: FilterFacts): Promise<RoomTest[]> {
  const { roomTypes, notRoomTypes } = filters;
  if (!roomTypes && !notRoomTypes) return [];
  const creates = await facts.state('m.room.create');
  const typeOf = (roomId: RoomId) => {
    const type = creates.get(roomId)?.type;
    return typeof type === 'string' ? type : null;
  };
  const tests: RoomTest[] = [];
  if (roomTypes) tests.push((roomId) => roomTypes.includes(typeOf(roomId)));
  if (notRoomTypes) tests.push((roomId) => !notRoomTypes.includes(typeOf(roomId)));
  return tests;
}

async function tagTests(filters: RoomFilters, facts: FilterFacts): Promise<RoomTest[]> {
  const { tags, notTags } = filters;
  if (!tags && !notTags) return [];
  const tagged = await facts.tags();
  const hasAny = (roomId: RoomId, wanted: readonly string[]) => {
    const own = tagged.get(roomId)?.tags;
    return isJsonObject(own) && wanted.some((tag) => own[tag] !== undefined);
  };
  const tests: RoomTest[] = [];
  if (tags) tests.push((roomId) => hasAny(roomId, tags));
  if (notTags) tests.push((roomId) => !hasAny(roomId, notTags));
  return tests;
}

function textAt(content: JsonObject | undefined, key: string): string {
  const value = content?.[key];
  return typeof value === 'string' ? value : '';
}
