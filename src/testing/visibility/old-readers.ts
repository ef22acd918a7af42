import type { Json, TestClient } from '../client/test-client.ts';
import type { Reader } from './readers.ts';

const V1 = '/_matrix/client/api/v1';
const of = (room: string): string => `${V1}/rooms/${encodeURIComponent(room)}`;

const text = async (client: TestClient, path: string): Promise<string> =>
  JSON.stringify((await client.ask('GET', path)).body);

/** The ways of October 2015 to read a room. */
export const OLD_READERS: readonly Reader[] = [
  {
    name: 'messages of 2015',
    operation: 'get_messages',
    read: async (client, room) => [
      ...(await pages(client, room, 'START', 'f')),
      ...(await pages(client, room, 'END', 'b')),
    ],
  },
  {
    name: 'event of 2015',
    operation: 'get_event',
    read: (client, _room, { eventIds }) =>
      Promise.all(eventIds.map((id) => text(client, `${V1}/events/${encodeURIComponent(id)}`))),
  },
  {
    name: 'event without its room',
    operation: 'getOneEvent',
    read: (client, _room, { eventIds }) =>
      Promise.all(eventIds.map((id) => text(client, `/_matrix/client/v3/events/${encodeURIComponent(id)}`))),
  },
  one('state of 2015', 'get_state', (room) => `${of(room)}/state`),
  one('state of a type of 2015', 'get_state_of_type', (room) => `${of(room)}/state/m.room.topic`),
  one('state of a key of 2015', 'get_state_key', (room) => `${of(room)}/state/m.room.topic/`),
  one('members of 2015', 'get_members', (room) => `${of(room)}/members`),
  one('room of 2015', 'room_initial_sync', (room) => `${of(room)}/initialSync?limit=100`),
  one('initial sync of 2015', 'initial_sync', () => `${V1}/initialSync?limit=100&archived=true`),
  {
    name: 'event stream of 2015',
    operation: 'event_stream',
    read: (client, room, { tokens }) => {
      const peek = `&room_id=${encodeURIComponent(room)}`;
      const queries = ['START', ...tokens].flatMap((from) => [`from=${from}`, `from=${from}${peek}`]);
      return Promise.all(queries.map((query) => text(client, `${V1}/events?timeout=0&${query}`)));
    },
  },
  {
    name: 'sync of 2015',
    operation: 'sync_v2',
    read: (client, _room, { tokens }) => {
      const filter = encodeURIComponent('{"room":{"include_leave":true,"timeline":{"limit":100}}}');
      const queries = [`filter=${filter}`, ...tokens.map((since) => `since=${since}&filter=${filter}`)];
      return Promise.all(
        queries.map((query) => text(client, `/_matrix/client/v2_alpha/sync?timeout=0&${query}`)),
      );
    },
  },
];

function one(name: string, operation: string, path: (room: string) => string): Reader {
  return { name, operation, read: async (client, room) => [await text(client, path(room))] };
}

/** Pages until one is empty, as clients of then went on. */
async function pages(client: TestClient, room: string, from: string, dir: 'b' | 'f'): Promise<string[]> {
  const found: string[] = [];
  for (let token = from; ;) {
    const page = await text(client, `${of(room)}/messages?dir=${dir}&limit=7&from=${token}`);
    found.push(page);
    const { chunk, end } = JSON.parse(page) as Json;
    if (chunk === undefined || chunk.length === 0) return found;
    token = String(end);
  }
}
