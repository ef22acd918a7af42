import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { Reader } from '../../storage/database.ts';
import type { EventRow } from '../../storage/rooms/events-store.ts';
import * as relationsStore from '../../storage/rooms/relations-store.ts';
import { BEFORE_HISTORY } from '../../storage/unit-of-work.ts';
import type { Session } from '../../wire/session.ts';
import type { MessageSending } from '../appending/message-sending.ts';

/** Related events that one request redacts at most, the oldest. */
const MOST = 1_000;
const PAGE = 100;

/** A redaction that is to take related events with it. */
export interface RelatedRedaction {
  readonly roomId: RoomId;
  readonly redacts: EventId;
  readonly content: JsonObject;
  readonly txnId: string;
  /** Types of relations; `*` among them stands for all. */
  readonly relTypes: readonly string[];
}

/** Redacts what relates to an event together with it (MSC3912). */
export class RelatedRedactions {
  readonly #reader: Reader;
  readonly #sending: MessageSending;

  constructor(reader: Reader, sending: MessageSending) {
    this.#reader = reader;
    this.#sending = sending;
  }

  /**
   * Redacts the events that relate to one in these ways, but for those that the user may not redact. The same transaction
   * again redacts nothing twice.
   */
  async redact(session: Session, { relTypes, ...redaction }: RelatedRedaction): Promise<void> {
    const wanted = relTypes.includes('*') ? [undefined] : [...new Set(relTypes)];
    for (const relType of wanted) {
      for (const row of await this.#related(redaction, relType)) {
        if (session.isSuspended && row.sender !== session.userId) continue;
        const related = row.event_id as EventId;
        await this.#redactOne(session, {
          ...redaction,
          redacts: related,
          txnId: `${redaction.txnId} ${related}`,
        });
      }
    }
  }

  async #redactOne(session: Session, redaction: Omit<RelatedRedaction, 'relTypes'>): Promise<void> {
    try {
      await this.#sending.send(session, { ...redaction, type: 'm.room.redaction', endpoint: 'redact' });
    } catch (error) {
      if (!(error instanceof MatrixError) || error.status !== 403) throw error;
    }
  }

  async #related(
    { roomId, redacts }: { roomId: RoomId; redacts: EventId },
    relType: string | undefined,
  ): Promise<EventRow[]> {
    const found: EventRow[] = [];
    const wanted = { parentId: redacts, roomId, relType, type: undefined, recurse: false };
    for (let after = BEFORE_HISTORY; found.length < MOST;) {
      const range = { after, upTo: Number.MAX_SAFE_INTEGER, newestFirst: false, limit: PAGE };
      const rows = await relationsStore.children(this.#reader, { ...wanted, ...range });
      found.push(...rows);
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) break;
      after = last.position;
    }
    return found;
  }
}
