/**
 * Runs something one at a time: asked for while it runs, it runs once more afterwards, however often it was asked for. For
 * looking whether there is something to do, where nothing that comes meanwhile may be overlooked.
 */
export class RepeatedRun {
  readonly #begin: () => Promise<void> | undefined;
  #running: Promise<void> | undefined;
  #again = false;

  /** @param begin begins a run, which must not fail; undefined where there is nothing to be done now. */
  constructor(begin: () => Promise<void> | undefined) {
    this.#begin = begin;
  }

  /** Runs now, or once more after the run that is under way. */
  ask(): void {
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#running = this.#begin()?.finally(() => {
      this.#running = undefined;
      if (this.#again) this.ask();
    });
  }

  /** Waits for the run that is under way. */
  async settled(): Promise<void> {
    await this.#running;
  }
}
