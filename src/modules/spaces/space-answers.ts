import type { RoomId, ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { notFound } from '../../protocol/matrix-error.ts';
import type { EventLog } from '../../rooms/events/event-log.ts';
import type { RoomOverviews } from '../../rooms/reading/room-overviews.ts';
import type { OutsideMemberships } from '../../rooms/membership/outside-memberships.ts';
import { isSuggested, spaceChildren, strippedChild } from './space-children.ts';

/** Children of one space that a server is told of. */
const MOST_CHILDREN = 200;

/** Tells other servers of spaces here (Server-Server API, "GET hierarchy"). */
export class SpaceAnswers {
  readonly #log: EventLog;
  readonly #overviews: RoomOverviews;
  readonly #outside: OutsideMemberships;

  constructor(log: EventLog, overviews: RoomOverviews, outside: OutsideMemberships) {
    this.#log = log;
    this.#overviews = overviews;
    this.#outside = outside;
  }

  /**
   * A room and those directly below it, as far as some user of the server could join them or look into them. Children that
   * are here and closed to the server are named; of those that are not here nothing is said.
   *
   * @throws MatrixError 404 for a room that is not here or closed to the server.
   */
  async of(server: ServerName, roomId: RoomId, suggestedOnly: boolean): Promise<JsonObject> {
    const room = await this.#withChildren(server, roomId);
    if (typeof room !== 'object') throw notFound('There is no such room, or your server may not know of it');
    const children: JsonObject[] = [];
    const inaccessible: RoomId[] = [];
    const shown = suggestedOnly ? room.children.filter(isSuggested) : room.children;
    for (const child of shown.slice(0, MOST_CHILDREN)) {
      const found = await this.#withChildren(server, child.roomId);
      if (found === 'closed') inaccessible.push(child.roomId);
      else if (found !== 'not here') {
        children.push({ ...found.overview, children_state: found.children.map(strippedChild) });
      }
    }
    return {
      room: { ...room.overview, children_state: shown.map(strippedChild) },
      children,
      inaccessible_children: inaccessible,
    };
  }

  async #withChildren(server: ServerName, roomId: RoomId) {
    const overview = (await this.#outside.isHere(roomId)) ? await this.#overviews.of(roomId) : undefined;
    if (!overview) return 'not here';
    if (!(await this.#overviews.mayServerKnow(overview, server))) return 'closed';
    const children = overview.room_type === 'm.space' ? await spaceChildren(this.#log, roomId) : [];
    return { overview, children };
  }
}
