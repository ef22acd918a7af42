import type { Json } from '../../src/testing/client/test-client.ts';

/** What a client knows of a room from its syncs. */
export interface RoomSeen {
  membership: 'join' | 'invite' | 'knock' | 'leave';
  /** In the order in which they came. */
  readonly timeline: Json[];
  /** The newest state event by type and state key. */
  readonly state: Map<string, Json>;
  /** Stripped state of an invite or a knock. */
  stripped: Json[];
  typing: string[];
  /** The event that each user read last, by user. */
  readonly receipts: Map<string, string>;
}

/** What a client learned from all its syncs. */
export class World {
  readonly rooms = new Map<string, RoomSeen>();
  /** The newest presence event's content by user. */
  readonly presence = new Map<string, Json>();
  readonly toDevice: Json[] = [];
  /** Users whose devices the client was told to look up anew. */
  readonly changedDevices = new Set<string>();

  take(answer: Json): void {
    const { join = {}, invite = {}, knock = {}, leave = {} } = answer.rooms ?? {};
    for (const [id, room] of entries(join)) this.#joined(this.#room(id, 'join'), room);
    for (const [id, room] of entries(leave)) this.#joined(this.#room(id, 'leave'), room);
    for (const [id, room] of entries(invite)) this.#room(id, 'invite').stripped = room.invite_state.events;
    for (const [id, room] of entries(knock)) this.#room(id, 'knock').stripped = room.knock_state.events;
    for (const event of answer.presence?.events ?? []) this.presence.set(event.sender, event.content);
    this.toDevice.push(...(answer.to_device?.events ?? []));
    for (const user of answer.device_lists?.changed ?? []) this.changedDevices.add(user);
  }

  #room(id: string, membership: RoomSeen['membership']): RoomSeen {
    const known = this.rooms.get(id);
    if (known) {
      known.membership = membership;
      return known;
    }
    const fresh = {
      ...{ membership, timeline: [], state: new Map(), stripped: [], typing: [], receipts: new Map() },
    };
    this.rooms.set(id, fresh);
    return fresh;
  }

  #joined(room: RoomSeen, news: Json): void {
    const timeline = (news.timeline?.events ?? []) as Json[];
    for (const event of [...((news.state?.events ?? []) as Json[]), ...timeline]) {
      if (event.state_key !== undefined) room.state.set(`${event.type} ${event.state_key}`, event);
    }
    room.timeline.push(...timeline);
    for (const event of (news.ephemeral?.events ?? []) as Json[]) {
      if (event.type === 'm.typing') room.typing = event.content.user_ids;
      if (event.type === 'm.receipt') noteReceipts(room, event.content);
    }
  }
}

function noteReceipts(room: RoomSeen, content: Json): void {
  for (const [eventId, kinds] of entries(content)) {
    for (const user of Object.keys(kinds['m.read'] ?? {})) room.receipts.set(user, eventId);
  }
}

function entries(object: Json): [string, Json][] {
  return Object.entries(object as Record<string, Json>);
}
