import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { isJsonObject } from '../../protocol/json.ts';
import type { OutsideMemberships } from '../../rooms/membership/outside-memberships.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';

/** Members by whom a room without a name is called. */
const MOST_NAMED = 3;

/** What rooms and people are called in what is pushed. */
export class PushWording {
  readonly #rooms: RoomReads;
  readonly #outside: OutsideMemberships;

  constructor(rooms: RoomReads, outside: OutsideMemberships) {
    this.#rooms = rooms;
    this.#outside = outside;
  }

  /** The room's canonical alias. */
  async roomAlias(roomId: RoomId): Promise<string | undefined> {
    return textOf((await this.#rooms.state(roomId, 'm.room.canonical_alias', ''))?.content.alias);
  }

  /** The room's name; of one without, its alias or some of its members other than the reader. */
  async roomName(roomId: RoomId, reader: UserId): Promise<string | undefined> {
    const name = textOf((await this.#rooms.state(roomId, 'm.room.name', ''))?.content.name);
    if (name !== undefined) return name;
    const alias = await this.roomAlias(roomId);
    if (alias !== undefined) return alias;
    const members = await this.#rooms.joinedMembers(roomId, undefined, MOST_NAMED + 2);
    const others = members.filter((userId) => userId !== reader);
    const names = await Promise.all(
      others.slice(0, MOST_NAMED).map((userId) => this.memberName(roomId, userId)),
    );
    if (names.length === 0) return this.#nameFromOutside(roomId, reader);
    return others.length > MOST_NAMED ? `${names.join(', ')} and others` : names.join(', ');
  }

  /** What somebody who is invited was told of a room that is not here. */
  async #nameFromOutside(roomId: RoomId, reader: UserId): Promise<string | undefined> {
    const known = await this.#outside.of(reader, roomId);
    const content = known?.stripped.find((one) => one.type === 'm.room.name')?.content;
    return isJsonObject(content) ? textOf(content.name) : undefined;
  }

  /** The display name of somebody in a room, or their user ID. */
  async memberName(roomId: RoomId, userId: UserId): Promise<string> {
    const member = await this.#rooms.state(roomId, 'm.room.member', userId);
    return textOf(member?.content.displayname) ?? userId;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
