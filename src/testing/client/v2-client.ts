import type { Json, TestClient } from './test-client.ts';
import { V1Client } from './v1-client.ts';

const V2_ALPHA = '/_matrix/client/v2_alpha';

/** A person with a client of October 2015 that syncs by version 2 alpha, and does by version 1 what is only there. */
export class V2Client extends V1Client {
  static override of(person: TestClient): V2Client {
    const client = new V2Client(person.base, person.token);
    client.userId = person.userId;
    client.deviceId = person.deviceId;
    return client;
  }

  /** GET /sync of version 2 alpha. */
  override sync(query: Record<string, string | number> = {}): Promise<Json> {
    const entries = Object.entries(query).map(([key, value]): [string, string] => [key, String(value)]);
    return this.ok('GET', `${V2_ALPHA}/sync?${new URLSearchParams(entries).toString()}`);
  }

  /** Keeps a filter; gives its ID. */
  async filter(filter: object): Promise<string> {
    return (await this.ok('POST', `${V2_ALPHA}/user/${this.userId}/filter`, filter)).filter_id;
  }

  /** Tells that one has read up to an event. */
  read(room: string, event: string): Promise<Json> {
    const path = `${V2_ALPHA}/rooms/${encodeURIComponent(room)}/receipt/m.read/${encodeURIComponent(event)}`;
    return this.ok('POST', path, {});
  }
}

/** The events of a room's timeline, or state, in the order in which it refers to them. */
export function eventsOf(room: Json, section: 'timeline' | 'state' = 'timeline'): Json[] {
  return room[section].events.map((id: string) => room.event_map[id]);
}
