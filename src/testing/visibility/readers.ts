import type { Json, TestClient } from '../client/test-client.ts';
import { OLD_READERS } from './old-readers.ts';

/** A way to read a room: everything that it shows a user, as text, page after page. */
export interface Reader {
  readonly name: string;
  /** The operation that must be there for it. */
  readonly operation: string;
  read(client: TestClient, room: string, about: About): Promise<string[]>;
}

/** What readers may ask about. */
export interface About {
  readonly eventIds: readonly string[];
  /** An event with a thread, edits and reactions. */
  readonly rootId: string;
  /** Sync tokens of this user, from the beginning and the middle of the story. */
  readonly tokens: readonly string[];
}

const one = (name: string, operation: string, path: (room: string, about: About) => string): Reader => ({
  name,
  operation,
  read: async (client, room, about) => [await text(client, path(room, about))],
});

/** All the ways of today and of 2015. */
export const READERS: readonly Reader[] = [
  {
    name: 'messages',
    operation: 'getRoomEvents',
    read: async (client, room) => [
      ...(await pages(client, `${of(room)}/messages?dir=b&limit=7`)),
      ...(await pages(client, `${of(room)}/messages?dir=f&limit=7`)),
      await text(client, `${of(room)}/messages?dir=b&limit=100&filter={"lazy_load_members":true}`),
    ],
  },
  {
    name: 'event',
    operation: 'getOneRoomEvent',
    read: (client, room, { eventIds }) =>
      Promise.all(eventIds.map((id) => text(client, `${of(room)}/event/${encodeURIComponent(id)}`))),
  },
  {
    name: 'context',
    operation: 'getEventContext',
    read: (client, room, { eventIds }) =>
      Promise.all(
        eventIds.map((id) => text(client, `${of(room)}/context/${encodeURIComponent(id)}?limit=4`)),
      ),
  },
  one('state of a type', 'getRoomStateOfType', (room) => `${of(room)}/state/m.room.topic`),
  one('state', 'getRoomState', (room) => `${of(room)}/state`),
  one('topic', 'getRoomStateWithKey', (room) => `${of(room)}/state/m.room.topic?format=event`),
  one('members', 'getMembersByRoom', (room) => `${of(room)}/members`),
  one('joined members', 'getJoinedMembersByRoom', (room) => `${of(room)}/joined_members`),
  {
    name: 'members at a point',
    operation: 'getMembersByRoom',
    read: (client, room, { tokens }) =>
      Promise.all(tokens.map((at) => text(client, `${of(room)}/members?at=${encodeURIComponent(at)}`))),
  },
  one('aliases', 'getLocalAliases', (room) => `${of(room)}/aliases`),
  {
    name: 'relations',
    operation: 'getRelatingEvents',
    read: async (client, room, { rootId }) => [
      ...(await pages(client, `${V1(room)}/relations/${encodeURIComponent(rootId)}?limit=2`)),
      ...(await pages(
        client,
        `${V1(room)}/relations/${encodeURIComponent(rootId)}/m.thread?dir=f&recurse=true`,
      )),
    ],
  },
  one(
    'relations of a type',
    'getRelatingEventsWithRelType',
    (room, { rootId }) => `${V1(room)}/relations/${encodeURIComponent(rootId)}/m.thread?limit=100`,
  ),
  one(
    'relations of two types',
    'getRelatingEventsWithRelTypeAndEventType',
    (room, { rootId }) =>
      `${V1(room)}/relations/${encodeURIComponent(rootId)}/m.thread/m.room.message?limit=100`,
  ),
  {
    name: 'threads',
    operation: 'getThreadRoots',
    read: async (client, room) => [
      ...(await pages(client, `${V1(room)}/threads?limit=2`)),
      ...(await pages(client, `${V1(room)}/threads?include=participated`)),
    ],
  },
  {
    name: 'timestamp to event',
    operation: 'getEventByTimestamp',
    read: async (client, room) => [
      await text(client, `${V1(room)}/timestamp_to_event?ts=0&dir=f`),
      await text(client, `${V1(room)}/timestamp_to_event?ts=${Date.now()}&dir=b`),
    ],
  },
  one('hierarchy', 'getSpaceHierarchy', (room) => `${V1(room)}/hierarchy`),
  one('summary', 'getRoomSummary', (room) => `/_matrix/client/v1/room_summary/${encodeURIComponent(room)}`),
  one(
    'older summary',
    'getUnstableRoomSummary',
    (room) => `/_matrix/client/unstable/im.nheko.summary/summary/${encodeURIComponent(room)}`,
  ),
  one('initial sync of a room', 'roomInitialSync', (room) => `${of(room)}/initialSync?limit=100`),
  {
    name: 'sync',
    operation: 'sync',
    read: async (client, _room, { tokens }) => {
      const filter = encodeURIComponent('{"room":{"include_leave":true,"timeline":{"limit":100}}}');
      const short = encodeURIComponent('{"room":{"include_leave":true,"timeline":{"limit":3}}}');
      const queries = [
        `filter=${filter}`,
        `filter=${short}`,
        `filter=${short}&full_state=true`,
        `filter=${short}&use_state_after=true`,
        ...tokens.flatMap((since) => [`since=${since}`, `since=${since}&filter=${filter}`]),
        ...tokens.map((since) => `since=${since}&filter=${short}&use_state_after=true`),
      ];
      return Promise.all(queries.map((query) => text(client, `/_matrix/client/v3/sync?${query}`)));
    },
  },
  {
    name: 'initial sync',
    operation: 'initialSync',
    read: async (client) => [await text(client, '/_matrix/client/v3/initialSync?limit=100&archived=true')],
  },
  {
    name: 'event stream',
    operation: 'getEvents',
    read: (client, room, { tokens }) => {
      const peek = `&room_id=${encodeURIComponent(room)}`;
      const queries = [BEGINNING, ...tokens].flatMap((from) => [`from=${from}`, `from=${from}${peek}`]);
      const ask = (query: string) => text(client, `/_matrix/client/v3/events?timeout=0&${query}`);
      return Promise.all(queries.map(ask));
    },
  },
  one('notifications', 'getNotifications', () => '/_matrix/client/v3/notifications?limit=100'),
  {
    name: 'search',
    operation: 'search',
    read: async (client) => {
      const criteria = {
        search_term: 'word',
        keys: ['content.body', 'content.name', 'content.topic'],
        event_context: { before_limit: 5, after_limit: 5, include_profile: true },
        include_state: true,
      };
      const body = { search_categories: { room_events: criteria } };
      return [JSON.stringify((await client.ask('POST', '/v3/search', body)).body)];
    },
  },
  {
    name: 'simplified sliding sync',
    operation: 'simplifiedSlidingSync',
    read: (client, room) =>
      slide(client, room, '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync', [['*', '*']]),
  },
  {
    name: 'sliding sync',
    operation: 'slidingSync',
    read: (client, room) => slide(client, room, '/_matrix/client/v4/sync', { include: [{}] }),
  },
  ...OLD_READERS,
];

/** What people can ask for that holds no event of a room. */
export const SHOWING_NO_EVENTS: ReadonlySet<string> = new Set([
  'getCapabilities',
  'getDevice',
  'getDevices',
  'getTokenOwner',
  'getAccount3PIDs',
  'getJoinedRooms',
  'getRetentionConfiguration',
  'getAccountData',
  'getAccountDataPerRoom',
  'getFilter',
  'getRoomTags',
  'getPresence',
  'getPushRule',
  'getPushRuleActions',
  'getPushRules',
  'getPushRulesGlobal',
  'isPushRuleEnabled',
  'getPushers',
  'getThreadSubscription',
  'getThreadSubscriptions',
  'getDehydratedDevice',
  'getDehydratedDeviceEvents',
  'getKeysChanges',
  'getRoomKeyBySessionId',
  'getRoomKeys',
  'getRoomKeysByRoomId',
  'getRoomKeysVersion',
  'getRoomKeysVersionCurrent',
  'getConfigAuthed',
  'getContentAuthed',
  'getContentOverrideNameAuthed',
  'getContentThumbnailAuthed',
  'getUrlPreviewAuthed',
  'get_3pids',
  'turn_server',
  'get_presence',
  'get_presence_list',
  'get_rules',
  'get_device_rules',
  'get_scope_rules',
  'get_rule',
  'is_rule_enabled',
  'get_rule_actions',
  'uri_to_user',
  'uri_to_alias',
  'get_filter',
  'discoverRendezvous',
  'getProtocols',
  'getProtocolMetadata',
  'queryLocationByProtocol',
  'queryUserByProtocol',
  'queryLocationByAlias',
  'queryUserByID',
  'getAdminLockUser',
  'getAdminSuspendUser',
  'getMutualRooms',
  'getMutualRoomsUnstable',
  'getTurnServer',
  'getWhoIs',
  'getDelayedEvent',
  'getDelayedEvents',
  'getRtcTransports',
]);

async function slide(client: TestClient, room: string, path: string, all: unknown): Promise<string[]> {
  const wishes = { required_state: all, timeline_limit: 50 };
  const lists = { all: { ranges: [[0, 20]], range: [0, 20], ...wishes } };
  const body = { lists, room_subscriptions: { [room]: wishes } };
  const { status, body: answer } = await client.ask('POST', path, body);
  if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(answer)}`);
  return [JSON.stringify(answer)];
}

/** The IDs of the events that answers show, wherever they hold them. An ID alone, as of what an event relates to, is none. */
export function shownOn(texts: readonly string[]): Set<string> {
  const ids = new Set<string>();
  const visit = (value: Json): void => {
    if (typeof value !== 'object' || value === null) return;
    const { event_id: id, sender, origin_server_ts: at } = value;
    if (typeof id === 'string' && (sender !== undefined || at !== undefined)) ids.add(id);
    for (const inner of Object.values(value)) visit(inner);
  };
  for (const text of texts) visit(JSON.parse(text));
  return ids;
}

/** A sync token from before everything. */
const BEGINNING = 's1';
const of = (room: string): string => `/_matrix/client/v3/rooms/${encodeURIComponent(room)}`;
const V1 = (room: string): string => `/_matrix/client/v1/rooms/${encodeURIComponent(room)}`;

async function text(client: TestClient, path: string): Promise<string> {
  return JSON.stringify((await client.ask('GET', path)).body);
}

async function pages(client: TestClient, path: string): Promise<string[]> {
  const found: string[] = [];
  for (let from = ''; ;) {
    const page = await text(client, path + from);
    found.push(page);
    const body = JSON.parse(page) as Json;
    const next = body.end ?? body.next_batch;
    if (next === undefined || next === null) return found;
    from = `&from=${encodeURIComponent(String(next))}`;
  }
}
