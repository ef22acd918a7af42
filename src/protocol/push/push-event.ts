import type { UserId } from '../identifiers.ts';
import { isJsonObject, type JsonObject } from '../json.ts';

/** What the push conditions ask of a room at an event. */
export interface PushEventRoom {
  /** Joined members. */
  readonly memberCount: number;
  /** Whether the power level of a sender allows a notification of this type, such as `room`. */
  senderMayNotify(sender: string, key: string): boolean;
}

/** An event made ready to be held against the rules of many users. Make one for each event, not for each user. */
export class PushEvent {
  /** The event as clients get it, with `room_id`. */
  readonly json: JsonObject;
  readonly memberCount: number;
  readonly loweredType: string;
  readonly sender: string;
  readonly roomId: string;
  #room: PushEventRoom;
  #loweredBody: string | undefined | null = null;

  constructor(json: JsonObject, room: PushEventRoom) {
    this.json = json;
    this.memberCount = room.memberCount;
    this.loweredType = typeof json.type === 'string' ? json.type.toLowerCase() : '';
    this.sender = typeof json.sender === 'string' ? json.sender : '';
    this.roomId = typeof json.room_id === 'string' ? json.room_id : '';
    this.#room = room;
  }

  /** Whether the event has `m.mentions`. */
  get saysWhomItMentions(): boolean {
    const { content } = this.json;
    return isJsonObject(content) && content['m.mentions'] !== undefined;
  }

  /** `content.body` in lower case, or undefined if it is not a string. */
  loweredBody(): string | undefined {
    if (this.#loweredBody === null) {
      const content = this.json.content;
      const body = isJsonObject(content) ? content.body : undefined;
      this.#loweredBody = typeof body === 'string' ? body.toLowerCase() : undefined;
    }
    return this.#loweredBody;
  }

  /** Whether the sender's power level allows a notification of this type. */
  senderMayNotify(key: string): boolean {
    return this.#room.senderMayNotify(this.sender, key);
  }
}

/** An event and the user whose rules it is held against. */
export interface PushContext {
  readonly event: PushEvent;
  readonly userId: UserId;
  /** The user's display name in the room, for the deprecated `contains_display_name`. */
  readonly displayName?: string;
  /** The profile tag of the pusher that would tell of the event, if it has one (push.rst of October 2015). */
  readonly profileTag?: string | undefined;
  /** Whether the user subscribes to the event's thread (MSC4306). Undefined for none, and for users who do not use that. */
  readonly isThreadSubscribed?: boolean | undefined;
}
