import { serverNameOf, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import { eventChange, membershipChange } from '../../rooms/events/room-changes.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import type { Change, Database } from '../../storage/database.ts';
import { commitIfFirst } from '../../storage/guarded-commit.ts';
import * as dispatchStore from '../../storage/push/push-dispatch-store.ts';
import * as pushersStore from '../../storage/push/pushers-store.ts';
import * as pushesStore from '../../storage/push/pushes-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { readersAt } from './missed-reads.ts';
import { placeOf, placeOfInvite } from './log-places.ts';
import type { DecidedPush, EventToPush, PushDecision } from './push-decision.ts';
import type { PushDelivery } from './push-delivery.ts';
import type { PushRecipients } from './push-recipients.ts';

/** Something of the log that may have to be pushed. */
type Work = EventToPush | { readonly position: number; readonly reader: UserId };

/** How long a process pushes without saying that it still does, and how often it says so. */
export const LEASE_MS = 12_000;
const RENEW_EVERY_MS = 4_000;
/** Work that waits in memory; when there is more, the log is read again. */
const MOST_WAITING = 10_000;
/** Events that are decided on in one unit of work. */
const BATCH = 100;
/** Statements after which a unit of work is committed, at the next event. */
const MOST_WRITES = 500;

export interface PushDispatchNeeds {
  readonly database: Database;
  readonly rooms: RoomReads;
  readonly recipients: PushRecipients;
  readonly decision: PushDecision;
  readonly delivery: PushDelivery;
  readonly clock: { now(): number };
  readonly serverName: ServerName;
  /** Names this process. */
  readonly holder: string;
  /** How long what mail tells of has to stay unread, in milliseconds. */
  readonly emailDelayMs: number;
}

/**
 * Looks through the log for what has to be pushed, and keeps it for the pushers. One process does so for all; it says every
 * few seconds that it still does, and another takes over where it stopped. Events are kept together with how far it
 * has looked, so each is kept once, whatever breaks off.
 */
export class PushDispatch {
  readonly #needs: PushDispatchNeeds;
  #onError: (error: unknown) => void = () => undefined;
  #waiting: Work[] = [];
  /** Up to where the log is read from the database before what waits. */
  #readUpTo: number | undefined;
  /** Receipts of the stretch that is read again may not have been seen. */
  #hasMissedReads = false;
  /** Up to where the log was looked at. */
  #position = 0;
  #keptPosition = 0;
  /** The newest change that came, whoever dispatches. */
  #newest = 0;
  #isDispatching = false;
  /** There are pushers, or were. */
  #hasPushers = false;
  #stopped = true;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #renewing: Promise<void> = Promise.resolve();

  constructor(needs: PushDispatchNeeds) {
    this.#needs = needs;
    needs.database.subscribe((changes) => this.#take(changes));
  }

  /** Begins to push, once there are pushers and no other process does. */
  async start(onError: (error: unknown) => void): Promise<void> {
    this.#onError = onError;
    this.#stopped = false;
    if ((await pushersStore.oldestSince(this.#needs.database)) !== undefined) this.#begin();
  }

  /** Ends what is under way and lets another process go on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#renewing;
    await this.#running;
    await this.#needs.delivery.stop();
    if (!this.#isDispatching) return;
    this.#isDispatching = false;
    const unit = new UnitOfWork();
    dispatchStore.advance(unit, this.#needs.holder, 0, this.#position);
    unit.announce({ topic: 'push', position: unit.position() });
    await this.#commit(unit);
  }

  #begin(): void {
    if (this.#hasPushers || this.#stopped) return;
    this.#hasPushers = true;
    this.#renew();
    this.#timer = setInterval(() => this.#renew(), RENEW_EVERY_MS).unref();
  }

  #take(changes: readonly Change[]): void {
    this.#newest = changes.at(-1)?.position ?? this.#newest;
    for (const change of changes) {
      if (change.topic === 'pusher') this.#begin();
      if (change.topic === 'push' && this.#hasPushers && !this.#isDispatching) this.#renew();
      if (!this.#isDispatching) continue;
      const work = this.#workOf(change);
      if (work) this.#waiting.push(work);
      if (change.topic === 'reset' || this.#waiting.length > MOST_WAITING) this.#readAgain();
    }
    if (!this.#isDispatching) return;
    if (this.#waiting.length > 0 || this.#readUpTo !== undefined) this.#run();
    else if (!this.#running) this.#position = Math.max(this.#position, this.#newest);
  }

  /** What a change may mean for pushers; undefined at once where nobody has any. */
  #workOf(change: Change): Work | undefined {
    const { position, rooms, users } = change;
    if (change.topic === 'receipt') {
      const reader = users.find((userId) => serverNameOf(userId) === this.#needs.serverName);
      return reader === undefined ? undefined : { position, reader };
    }
    const event = eventChange(change);
    const moved = membershipChange(change);
    const isInvite = moved?.membership === 'invite' && serverNameOf(moved.userId) === this.#needs.serverName;
    const roomId = rooms[0];
    if (roomId === undefined) return undefined;
    if (!isInvite && !(event && this.#needs.recipients.mayBeIn(roomId))) return undefined;
    const eventId = event?.eventId ?? moved?.eventId;
    if (eventId === undefined) return undefined;
    return { position, roomId, eventId, invited: isInvite ? moved.userId : undefined };
  }

  /** Forgets what waits and reads the log from the database instead. */
  #readAgain(): void {
    this.#waiting = [];
    this.#hasMissedReads = true;
    this.#readUpTo = Math.max(this.#newest, this.#needs.database.position());
  }

  #renew(): void {
    this.#renewing = this.#renewing
      .then(() => (this.#stopped ? undefined : this.#hold()))
      .catch(this.#onError);
  }

  /** Becomes the process that pushes, or stays it. */
  async #hold(): Promise<void> {
    const { database, clock, holder } = this.#needs;
    const now = clock.now();
    const unit = new UnitOfWork();
    if (!this.#isDispatching) {
      dispatchStore.acquire(unit, holder, now + LEASE_MS, now);
      if (!(await this.#commit(unit))) return;
      const kept = await dispatchStore.position(database);
      const since = (await pushersStore.oldestSince(database)) ?? 0;
      this.#keptPosition = this.#position = Math.max(kept, since);
      this.#readAgain();
      this.#isDispatching = true;
      this.#needs.delivery.start(this.#onError);
      this.#run();
      return;
    }
    if (this.#readUpTo !== undefined || this.#waiting.length > 0) this.#run();
    const upTo = this.#position;
    if (database.engine === 'sqlite' && upTo <= this.#keptPosition) return;
    dispatchStore.advance(unit, holder, now + LEASE_MS, upTo);
    if (await this.#commit(unit)) this.#keptPosition = Math.max(this.#keptPosition, upTo);
    else this.#yieldToOther();
  }

  #yieldToOther(): void {
    this.#isDispatching = false;
    this.#waiting = [];
    this.#readUpTo = undefined;
    void this.#needs.delivery.stop();
  }

  #run(): void {
    this.#running ??= this.#work()
      .catch((error: unknown) => {
        this.#onError(error);
        this.#readAgain();
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #work(): Promise<void> {
    while (this.#isDispatching && !this.#stopped) {
      const upTo = this.#readUpTo;
      if (upTo !== undefined) {
        if (this.#hasMissedReads) await this.#wantMissedBadges(upTo);
        if (!this.#isDispatching) return;
        const { places, last } = await this.#read(upTo);
        if (last === upTo && this.#readUpTo === upTo) this.#readUpTo = undefined;
        await this.#dispatch(places, last);
        continue;
      }
      const batch = this.#waiting.splice(0, BATCH);
      const last = batch.at(-1);
      if (!last) return;
      await this.#dispatch(batch, last.position);
    }
  }

  /** The next events of the log to look at, invites to rooms that are not here among them, and up to where they reach. */
  async #read(upTo: number): Promise<{ places: readonly EventToPush[]; last: number }> {
    const { rooms, database, serverName } = this.#needs;
    const page = await rooms.oldestAnywhere(this.#position, upTo, BATCH);
    const pageEnd = page.length < BATCH ? upTo : (page.at(-1)?.position ?? upTo);
    const range = { after: this.#position, upTo: pageEnd, limit: BATCH };
    const invites = await dispatchStore.outsideInvites(database, serverName, range);
    const last = invites.length < BATCH ? pageEnd : (invites.at(-1)?.position ?? pageEnd);
    const places = [...page.map((event) => placeOf(event, serverName)), ...invites.map(placeOfInvite)];
    const reached = places.filter(({ position }) => position <= last);
    return { places: reached.sort((a, b) => a.position - b.position), last };
  }

  /** Decides on a batch and keeps what came of it, with how far the log was looked at. */
  async #dispatch(batch: readonly Work[], upTo: number): Promise<void> {
    let unit = new UnitOfWork();
    for (const work of batch) {
      if ('reader' in work) await this.#wantBadge(unit, work);
      else for (const push of await this.#needs.decision.of(work)) this.#keep(unit, push);
      if (unit.writes.length < MOST_WRITES) continue;
      if (!(await this.#advance(unit, work.position))) return;
      unit = new UnitOfWork();
    }
    if (unit.writes.length > 0) await this.#advance(unit, upTo);
    else this.#position = Math.max(this.#position, upTo);
  }

  async #advance(unit: UnitOfWork, upTo: number): Promise<boolean> {
    const { clock, holder, delivery } = this.#needs;
    dispatchStore.advance(unit, holder, clock.now() + LEASE_MS, upTo);
    if (!(await this.#commit(unit))) {
      this.#yieldToOther();
      return false;
    }
    this.#position = Math.max(this.#position, upTo);
    this.#keptPosition = this.#position;
    delivery.wake();
    return true;
  }

  async #wantBadge(unit: UnitOfWork, work: { position: number; reader: UserId }): Promise<void> {
    const pushers = await this.#needs.recipients.ofUser(work.reader);
    if (!pushers.some((one) => one.kind === 'http')) return;
    pushesStore.wantBadge(unit, work.reader, work.position, this.#needs.clock.now());
  }

  async #wantMissedBadges(upTo: number): Promise<void> {
    const { database, clock } = this.#needs;
    this.#hasMissedReads = false;
    for await (const readers of readersAt(database, { after: this.#position, upTo })) {
      const unit = new UnitOfWork();
      for (const reader of readers) pushesStore.wantBadge(unit, reader, upTo, clock.now());
      if (!(await this.#advance(unit, this.#position))) return;
    }
  }

  #keep(unit: UnitOfWork, { kind, ...push }: DecidedPush): void {
    const now = this.#needs.clock.now();
    pushesStore.add(unit, { ...push, created_at: now });
    pushesStore.schedule(unit, push, kind === 'email' ? now + this.#needs.emailDelayMs : now);
  }

  /** False when a guard failed: another process pushes. */
  async #commit(unit: UnitOfWork): Promise<boolean> {
    return commitIfFirst(this.#needs.database, unit);
  }
}
