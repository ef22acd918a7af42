import type { RoomId, ServerName } from '../../protocol/identifiers.ts';
import type { Database } from '../../storage/database.ts';
import * as roomServersStore from '../../storage/federation/room-servers-store.ts';
import type { BackOff } from '../back-off.ts';

/** Chooses which of the other servers in a room are asked for what is missing here. */
export class ServersToAsk {
  readonly #database: Database;
  readonly #backOff: Pick<BackOff, 'answers' | 'waitMs'>;

  constructor(database: Database, backOff: Pick<BackOff, 'answers' | 'waitMs'>) {
    this.#database = database;
    this.#backOff = backOff;
  }

  /**
   * At most `most` servers: those that are known to answer first, and none that is not asked for the time being. In large rooms
   * many servers are gone for good.
   */
  async of(roomId: RoomId, most: number, except?: ServerName): Promise<ServerName[]> {
    const others = (await roomServersStore.of(this.#database, roomId)).filter((server) => server !== except);
    const chosen = others.filter((server) => this.#backOff.answers(server)).slice(0, most);
    for (const server of others) {
      if (chosen.length >= most) break;
      if (!chosen.includes(server) && (await this.#backOff.waitMs(server)) === 0) chosen.push(server);
    }
    return chosen;
  }
}
