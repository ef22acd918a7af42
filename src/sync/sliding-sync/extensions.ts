import type { RoomId } from '../../protocol/identifiers.ts';
import { streamToken } from '../../rooms/reading/stream-token.ts';
import type { UserRooms } from './user-rooms.ts';
import { stickyExtension } from './sticky-extension.ts';
import { profilesExtension } from './profiles-extension.ts';
import { roomsOfMates } from './rooms-of-mates.ts';
import { contextOf, type Answering } from './room-view.ts';
import type { SlidingSyncNeeds } from './sliding-sync-needs.ts';
import type { SlidingSyncOptions } from './sliding-sync-options.ts';

/** The extensions of an answer. */
export interface Extensions {
  /** JSON text of each, by name. */
  readonly texts: Readonly<Record<string, string>>;
  /** Whether they hold anything for which a waiting client is to be answered. */
  readonly hasNews: boolean;
}

/** What extensions hold that is said room by room, as JSON text. */
export interface RoomExtensions {
  readonly accountData: Map<RoomId, string>;
  readonly receipts: Map<RoomId, string>;
  readonly typing: Map<RoomId, string>;
}

/** What happened in the user's rooms since the last answer. */
export interface RoomNews {
  readonly rooms: UserRooms;
  /** Rooms in which something happened; undefined when that is not known. */
  readonly changed: ReadonlySet<RoomId> | undefined;
}

/** The extensions that a client asks for: those that say something of rooms were made with the rooms. */
export async function extensions(
  needs: SlidingSyncNeeds,
  options: SlidingSyncOptions,
  answering: Answering,
  news: RoomNews & { ofRooms: RoomExtensions },
): Promise<Extensions> {
  const texts: Record<string, string> = {};
  let hasNews = false;
  const put = (name: string, text: string | undefined) => {
    if (text === undefined) return;
    texts[name] = text;
    hasNews = true;
  };
  const { accountData, receipts, typing } = news.ofRooms;
  if (options.wishes.accountData) {
    const global = await globalAccountData(needs, answering);
    const hasAny = global.length > 0 || accountData.size > 0;
    put(
      'account_data',
      hasAny ? `{"global":[${global.join(',')}],"rooms":${roomsText(accountData)}}` : undefined,
    );
  }
  put('receipts', receipts.size > 0 ? `{"rooms":${roomsText(receipts)}}` : undefined);
  put('typing', typing.size > 0 ? `{"rooms":${roomsText(typing)}}` : undefined);
  if (options.threadSubscriptions !== undefined) {
    put(
      'io.element.msc4308.thread_subscriptions',
      await threadSubscriptions(needs, answering, options.threadSubscriptions),
    );
  }
  if (options.stickyEvents) {
    const text = await stickyExtension(needs, options.stickyEvents, answering);
    put('org.matrix.msc4354.sticky_events', text);
  }
  if (options.profiles) {
    const text = await profilesExtension(needs, options.profiles, answering, news.changed);
    put('org.matrix.msc4262.profiles', text);
  }
  if (options.toDevice) {
    const { text, isEmpty } = await toDevice(needs, options.toDevice, answering);
    texts.to_device = text;
    hasNews ||= !isEmpty;
  }
  if (options.encryption) {
    const { text, isNews } = await encryption(needs, answering, news);
    texts.e2ee = text;
    hasNews ||= isNews;
  }
  return { texts, hasNews };
}

async function globalAccountData(needs: SlidingSyncNeeds, answering: Answering): Promise<string[]> {
  const context = contextOf(answering, { since: answering.since });
  const found: string[] = [];
  for (const part of [needs.accountData, needs.pushRules]) {
    found.push(...((await part.account(context))?.accountData ?? []));
  }
  return found;
}

/** The newest changes of the threads that the user follows (MSC4308). */
async function threadSubscriptions(
  needs: SlidingSyncNeeds,
  { userId, since, upTo, recent }: Answering,
  limit: number,
): Promise<string | undefined> {
  if (since !== undefined && !recent.userChangedSince(userId, since, 'thread-subscription')) return undefined;
  const range = { after: since ?? 0, upTo, limit };
  const { before, ...changes } = await needs.threadSubscriptions.changes(userId, range);
  if (Object.keys(changes).length === 0) return undefined;
  return JSON.stringify(before === undefined ? changes : { ...changes, prev_batch: streamToken(before) });
}

/** Messages to the device (MSC3885). */
async function toDevice(
  needs: SlidingSyncNeeds,
  { since, limit }: { since: number | undefined; limit: number },
  answering: Answering,
): Promise<{ text: string; isEmpty: boolean }> {
  const { userId, deviceId, recent } = answering;
  const upTo = Math.max(answering.upTo, since ?? 0);
  const textOf = (events: readonly string[], next: number) => ({
    text: `{"next_batch":"${next}","events":[${events.join(',')}]}`,
    isEmpty: events.length === 0,
  });
  if (deviceId === undefined) return textOf([], upTo);
  const after = since ?? 0;
  const isBehind = answering.since === undefined || after < answering.since;
  if (!isBehind && !recent.userChangedSince(userId, after, 'to-device')) return textOf([], upTo);
  const { messages, upTo: last } = await needs.toDevice.waiting(userId, deviceId, { after, upTo, limit });
  return textOf(messages, last ?? upTo);
}

/** Changed device lists, and how many keys the device has left (MSC3884). */
async function encryption(
  needs: SlidingSyncNeeds,
  answering: Answering,
  news: RoomNews,
): Promise<{ text: string; isNews: boolean }> {
  const { userId, deviceId, since, recent } = answering;
  const texts = { ...(await needs.oneTimeKeys.accompany({ userId, deviceId })) };
  let isNews = since !== undefined && recent.userChangedSince(userId, since, 'one-time-keys');
  if (since !== undefined && mayHaveDeviceLists(answering, since, news)) {
    const isKnown = !news.rooms.deviceListsChangedSince(since);
    const context = contextOf(answering, {
      since,
      ...(await roomsOfMates(needs, answering, since, isKnown ? news.changed : undefined)),
    });
    const lists = (await needs.deviceLists.account(context))?.other?.device_lists;
    if (lists !== undefined) {
      texts.device_lists = lists;
      isNews = true;
    }
  }
  const members = Object.entries(texts).map(([name, text]) => `"${name}":${text}`);
  return { text: `{${members.join(',')}}`, isNews };
}

function mayHaveDeviceLists(
  { userId, recent }: Answering,
  since: number,
  { rooms, changed }: RoomNews,
): boolean {
  if (changed === undefined || changed.size > 0 || rooms.deviceListsChangedSince(since)) return true;
  return (
    recent.userChangedSince(userId, since, 'device-list') || recent.userChangedSince(userId, since, 'event')
  );
}

function roomsText(texts: ReadonlyMap<RoomId, string>): string {
  return `{${[...texts].map(([roomId, text]) => `${JSON.stringify(roomId)}:${text}`).join(',')}}`;
}
