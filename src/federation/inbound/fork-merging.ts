import type { RoomId, ServerName } from '../../protocol/identifiers.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { RoomWriter } from '../../rooms/appending/room-writer.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';

/** Extremities that a room may have before this server joins them by an event of its own. */
export const MOST_EXTREMITIES = 10;
/** Events sent for that at once, and users tried for each. */
const MOST_EVENTS = 5;
const MOST_USERS = 20;
/** Clients do not know the type, and show nothing. Other servers of today send it for the same end. */
const TYPE = 'org.matrix.dummy_event';

/**
 * Joins the ends of a room that has forked into many: otherwise the state would have to be resolved of all of them again and
 * again, as many as some server likes to make.
 */
export class ForkMerging {
  readonly #writer: RoomWriter;
  readonly #serverName: ServerName;

  constructor(writer: RoomWriter, serverName: ServerName) {
    this.#writer = writer;
    this.#serverName = serverName;
  }

  /** Sends events that follow all ends, by somebody of this server who may send them. Without such a user nothing happens. */
  async merge(roomId: RoomId): Promise<void> {
    for (let sent = 0; sent < MOST_EVENTS; sent++) {
      if (!(await this.#mergeOnce(roomId))) return;
    }
  }

  /** Whether an event was sent. */
  async #mergeOnce(roomId: RoomId): Promise<boolean> {
    return this.#writer.append(roomId, async (room) => {
      if (room.point.extremities.length <= MOST_EXTREMITIES) return false;
      const { reader } = room.needs;
      for (const sender of await membershipsStore.ofServer(reader, roomId, this.#serverName, MOST_USERS)) {
        if ((await room.membership(sender)) !== 'join') continue;
        try {
          await room.add({ type: TYPE, sender, content: {} });
          return true;
        } catch (error) {
          if (!(error instanceof MatrixError)) throw error;
        }
      }
      return false;
    });
  }
}
