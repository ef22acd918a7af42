import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import type { LoggedEvent } from '../../rooms/room-reads.ts';
import type { PusherRow } from '../../storage/pushers-store.ts';

/** What a gateway is told beside the event. */
export interface EventSurroundings {
  readonly senderName: string | undefined;
  readonly roomName: string | undefined;
  readonly roomAlias: string | undefined;
  /** Unread messages in all rooms of the user. */
  readonly unread: number;
  readonly tweaks: JsonObject;
}

/** The notification of an event, in the format that the pusher asks for (Push Gateway API, "POST /notify"). */
export function eventNotification(
  pusher: PusherRow,
  event: LoggedEvent,
  surroundings: EventSurroundings,
): JsonObject {
  const { senderName, roomName, roomAlias, unread, tweaks } = surroundings;
  const data = dataOf(pusher);
  const head: JsonObject = {
    event_id: event.eventId,
    room_id: event.roomId,
    prio: priority(event, tweaks),
    counts: unread === 0 ? {} : { unread },
  };
  if (data.format === 'event_id_only') {
    return { notification: { ...head, devices: [deviceOf(pusher, data, undefined)] } };
  }
  const notification: JsonObject = {
    ...head,
    type: event.type,
    sender: event.sender,
    content: event.content,
    devices: [deviceOf(pusher, data, tweaks)],
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
  const devices = [deviceOf(pusher, dataOf(pusher), undefined)];
  return { notification: { prio: 'low', counts: { unread }, devices } };
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

function dataOf(pusher: PusherRow): JsonObject {
  return JSON.parse(pusher.data) as JsonObject;
}

function deviceOf(pusher: PusherRow, data: JsonObject, tweaks: JsonObject | undefined): JsonObject {
  const { url: _url, ...forwarded } = data;
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
