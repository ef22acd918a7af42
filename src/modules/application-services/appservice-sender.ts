import { owns, type Appservice } from '../../accounts/application-services/appservices.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { membershipChange } from '../../rooms/events/room-changes.ts';
import type { Change } from '../../storage/database.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { AppserviceQueue, type AppserviceQueueNeeds } from './appservice-queue.ts';

/** Where ephemeral data comes from. */
export interface EphemeralSources {
  /** Who types in the room now. */
  typing(roomId: RoomId): readonly UserId[];
  /** The content of m.receipt for what a user changed in a room at a position, with private receipts. */
  receiptAt(roomId: RoomId, userId: UserId, position: number): Promise<JsonObject | undefined>;
  /** The event `m.presence` of a user. */
  presence(userId: UserId): Promise<JsonObject>;
}

/** Tells application services what concerns them. */
export class AppserviceSender {
  readonly #needs: AppserviceQueueNeeds;
  readonly #sources: EphemeralSources;
  readonly #queues: readonly AppserviceQueue[];

  constructor(services: readonly Appservice[], needs: AppserviceQueueNeeds, sources: EphemeralSources) {
    this.#needs = needs;
    this.#sources = sources;
    this.#queues = services
      .filter((service) => service.url !== undefined)
      .map((service) => new AppserviceQueue(service, needs));
  }

  /** Begins to send. */
  async start(): Promise<void> {
    if (this.#queues.length === 0) return;
    for (const queue of this.#queues) await queue.open();
    this.#needs.database.subscribe((changes) => this.#observe(changes));
    for (const queue of this.#queues) queue.wake();
  }

  /** Ends what is under way. */
  async stop(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.stop()));
    await this.#needs.leases.close();
  }

  /** The application service has shown that it is there: whichever process tells it goes on now. */
  async retry(service: Appservice): Promise<void> {
    const unit = new UnitOfWork();
    unit.announce({ topic: 'appservice', position: unit.position(), data: service.id });
    await this.#needs.database.commit(unit);
  }

  /** A membership that changed by no event of a timeline may be one in a room that is not here. */
  #noteOutside(change: Change): void {
    const changed = change.topic === 'state' ? membershipChange(change) : undefined;
    if (!changed && change.topic !== 'reset') return;
    for (const queue of this.#queues) {
      if (!changed || owns(queue.service, changed.userId)) queue.addOutside(change.position);
    }
  }

  #observe(changes: readonly Change[]): void {
    if (changes.some(({ topic }) => topic === 'event' || topic === 'reset')) {
      for (const queue of this.#queues) queue.wake();
    }
    for (const change of changes) {
      if (change.topic === 'appservice') {
        this.#queues.find((queue) => queue.service.id === change.data)?.retry();
      }
      this.#noteOutside(change);
      if (change.topic !== 'typing' && change.topic !== 'receipt' && change.topic !== 'presence') continue;
      for (const queue of this.#queues) {
        if (!queue.service.receiveEphemeral) continue;
        this.#ephemeral(queue.service, change)
          .then((text) => text !== undefined && queue.addEphemeral(text))
          .catch(this.#needs.onError);
      }
    }
  }

  async #ephemeral(service: Appservice, change: Change): Promise<string | undefined> {
    const data = isJsonObject(change.data) ? change.data : {};
    if (change.topic === 'presence') return this.#presence(service, change, data);
    const roomId = (change.topic === 'receipt' ? data.roomId : change.rooms[0]) as RoomId | undefined;
    if (roomId === undefined || !(await this.#needs.interest.inRoom(service, roomId))) return undefined;
    if (change.topic === 'typing') {
      const content = { user_ids: [...this.#sources.typing(roomId)] };
      return JSON.stringify({ type: 'm.typing', room_id: roomId, content });
    }
    const [userId] = change.users;
    if (userId === undefined || (change.rooms.length === 0 && !owns(service, userId))) return undefined;
    const content = await this.#sources.receiptAt(roomId, userId, change.position);
    return content && JSON.stringify({ type: 'm.receipt', room_id: roomId, content });
  }

  async #presence(service: Appservice, change: Change, data: JsonObject): Promise<string | undefined> {
    const { userId } = data;
    if (typeof userId !== 'string') return undefined;
    let concerns = owns(service, userId);
    for (const roomId of change.rooms) {
      concerns ||= await this.#needs.interest.inRoom(service, roomId);
    }
    return concerns ? JSON.stringify(await this.#sources.presence(userId as UserId)) : undefined;
  }
}
