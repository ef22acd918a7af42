import { systemTimers, type Timer, type Timers } from '../../platform/timers.ts';
import { Ghost, withAppservice } from '../../testing/application-services/appservice-scene.ts';
import type { Received } from '../../testing/application-services/application-service.ts';
import type { Json } from '../../testing/client/test-client.ts';

/** The system's timers, but for those that end a wait after a failure, which never ends. */
class NoRetries implements Timers {
  readonly #held = Promise.withResolvers<void>();

  after(ms: number, run: () => void): Timer {
    // A part of that wait is chance; no other has fractions.
    if (Number.isInteger(ms)) return systemTimers.after(ms, run);
    this.#held.resolve();
    return { cancel: () => undefined };
  }

  /** Resolves when somebody waits. */
  waits(): Promise<void> {
    return this.#held.promise;
  }
}

const retries = new NoRetries();

const says = (text: string) => (request: Received) =>
  request.path.includes('/transactions/') &&
  (request.body.events as Json[]).some((event) => event.content?.body === text);

withAppservice(
  'what waits for an application service is sent once it pings itself through whatever process [B117] [B118]',
  async ({ service, ghost, another }) => {
    const carl = await ghost('_irc_carl');
    const room = await carl.createRoom();
    await carl.say(room, 'taken at once');
    await service.next(says('taken at once'));
    const elsewhere = new Ghost(await another(), '@ircbot:localhost');
    service.answer = ({ path }) => (path.includes('/transactions/') ? [500] : [200]);
    await carl.say(room, 'left waiting');
    await service.next(says('left waiting'));
    await retries.waits();
    const count = service.received.length;
    service.answer = () => [200];
    await elsewhere.ok('POST', '/v1/appservice/irc/ping', {});
    await service.next(
      (request) => service.received.indexOf(request) >= count && says('left waiting')(request),
    );
  },
  {},
  { overrides: { timers: retries }, engines: ['postgres'] },
);
