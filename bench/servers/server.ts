/** `default`: as the server comes. `cheapest`: for filling only, where the server can be told so. */
export type PasswordHash = 'default' | 'cheapest';

/** A homeserver to measure. */
export interface Server {
  readonly name: string;
  /** Version and settings that matter to the figures. */
  readonly description: string;
  readonly baseUrl: string;
  /** Whether it can be stopped and started again with another password hash. */
  readonly restarts: boolean;
  /** The processes whose trees are the server; empty when not known or not running. */
  processes(): readonly number[];
  /** Those of its database, when that is not in the server. */
  databaseProcesses(): readonly number[];
  /** Runs it; returns before it answers. What is on disk stays from start to start. */
  start(hash: PasswordHash): Promise<void>;
  stop(): Promise<void>;
  /** The end of what it wrote to its log, for when it does not answer. */
  lastWords(): string;
  /** Bytes that it takes on disk; undefined when not known. */
  diskBytes(): Promise<number | undefined>;
  /** Stops it and removes what the run made. */
  dispose(): Promise<void>;
}
