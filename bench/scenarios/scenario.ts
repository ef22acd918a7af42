import type { Subject } from '../subject.ts';

/** One thing to measure, with everything that it needs made by itself. */
export interface Scenario {
  readonly name: string;
  /** Whether passwords are hashed as the server does by default. Otherwise as cheaply as it can. */
  readonly defaultHash?: boolean;
  run(subject: Subject): Promise<void>;
}
