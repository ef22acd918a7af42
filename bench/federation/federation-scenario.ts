import type { TestAuthority } from '../../src/testing/federation/certificates.ts';
import type { Subject } from '../subject.ts';

/** Two servers to measure together. */
export interface PairSubject {
  /** Its client talks to the first server; what it measures is the cost of both. */
  readonly both: Subject;
  /** Its client talks to the second. */
  readonly other: Subject;
  readonly authority: TestAuthority | undefined;
}

/** One thing to measure between two servers. */
export interface FederationScenario {
  readonly name: string;
  run(pair: PairSubject): Promise<void>;
}

/** The name of the server of a user. */
export function serverOf(userId: string): string {
  return userId.slice(userId.indexOf(':') + 1);
}
