import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import type { LoggedEvent } from '../../rooms/reading/room-reads.ts';
import type { PusherRow } from '../../storage/push/pushers-store.ts';

/** What a gateway is told beside the event, in any format. */
export interface Circumstances {
  /** Unread messages in all rooms of the user. */
  readonly unread: number;
  readonly tweaks: JsonObject;
}

/** What a gateway is told beside the event, in the full format. */
export interface Surroundings extends Circumstances {
  readonly senderName: string | undefined;
  readonly roomName: string | undefined;
  readonly roomAlias: string | undefined;
}

/** The notification of an event in the format `event_id_only` (Push Gateway API, "POST /notify"). */
export function briefNotification(
  pusher: PusherRow,
  event: LoggedEvent,
  circumstances: Circumstances,
): JsonObject {
  const head = headOf(event, circumstances);
  return { notification: { ...head, devices: [deviceOf(pusher, undefined)] } };
}

/** The notification of an event with everything there is to tell of it. */
export function fullNotification(
  pusher: PusherRow,
  event: LoggedEvent,
  surroundings: Surroundings,
): JsonObject {
  const { senderName, roomName, roomAlias, tweaks } = surroundings;
  const notification: JsonObject = {
    ...headOf(event, surroundings),
    type: event.type,
    sender: event.sender,
    content: event.content,
    devices: [deviceOf(pusher, tweaks)],
  };
  if (senderName !== undefined) notification.sender_display_name = senderName;
  if (roomName !== undefined) notification.room_name = roomName;
  if (roomAlias !== undefined) notification.room_alias = roomAlias;
  if (event.type === 'm.room.member') notification.user_is_target = event.stateKey === pusher.user_id;
  return { notification };
}

/**
 * The notification of another count. Zero is said, too, although such counts should be left out: what is left out
 * tells a gateway nothing, and the number on the device would stay.
 */
export function badgeNotification(pusher: PusherRow, unread: number): JsonObject {
  return { notification: { prio: 'low', counts: { unread }, devices: [deviceOf(pusher, undefined)] } };
}

/**
 * A notification as gateways of 2015 know it (v1/push_notifier.yaml): with an ID, and counts and devices beside it. They stay
 * inside, too, where gateways of then in truth looked for them. One that is of no event says so by empty texts: each had to
 * name one.
 */
export function notificationOf2015({ notification }: JsonObject): JsonObject {
  if (!isJsonObject(notification)) return {};
  const { event_id: id, counts, devices } = notification;
  const event = id === undefined ? { id: '', room_id: '', type: '', sender: '' } : { id };
  return { notification: { ...event, ...notification }, counts, devices };
}

/** The pushkeys that a gateway's answer rejects. One that names none rejects none. */
export function rejectedKeys(answer: string): string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(answer);
  } catch {
    return [];
  }
  const rejected = isJsonObject(parsed) ? parsed.rejected : undefined;
  return Array.isArray(rejected) ? rejected.filter((key) => typeof key === 'string') : [];
}

function headOf(event: LoggedEvent, { unread, tweaks }: Circumstances): JsonObject {
  return {
    event_id: event.eventId,
    room_id: event.roomId,
    prio: priority(event, tweaks),
    counts: unread === 0 ? {} : { unread },
  };
}

function deviceOf(pusher: PusherRow, tweaks: JsonObject | undefined): JsonObject {
  const { url: _url, ...forwarded } = JSON.parse(pusher.data) as JsonObject;
  const device: JsonObject = {
    app_id: pusher.app_id,
    pushkey: pusher.pushkey,
    pushkey_ts: Math.floor(pusher.set_at / 1000),
    data: forwarded,
  };
  if (tweaks !== undefined) device.tweaks = tweaks;
  return device;
}

/** What makes no sound and stands out by nothing may wait; of what is encrypted nobody here knows. */
function priority(event: LoggedEvent, tweaks: JsonObject): 'high' | 'low' {
  const isLoud = tweaks.highlight === true || (tweaks.sound !== undefined && tweaks.sound !== '');
  return isLoud || event.type === 'm.room.encrypted' || event.type === 'm.call.invite' ? 'high' : 'low';
}
