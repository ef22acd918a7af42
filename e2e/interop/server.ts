import type { Person } from './person.ts';

/** A homeserver in processes of its own, which others on this machine reach over TLS. */
export interface InteropServer {
  /** Such as `Synapse`. */
  readonly software: string;
  /** What it says of its version. */
  readonly version: string;
  /** Its name in Matrix, such as `localhost:40123`. */
  readonly name: string;
  /** Where its clients reach it. It stays the same over restarts. */
  readonly url: string;
  /** Room versions that it knows, beside those in development. */
  readonly roomVersions: ReadonlySet<string>;
  /** A new account; the name is made unique. */
  person(name: string): Promise<Person>;
  /** Ends it; it answers nothing until it is started again. */
  stop(): Promise<void>;
  /** Starts it again on the same data. */
  start(): Promise<void>;
  /** Ends it for good and removes its data. */
  remove(): Promise<void>;
}

/** What every server of a run is given. */
export interface Surroundings {
  /** An empty folder for data and configuration. */
  readonly folder: string;
  /** Certificate of the authority that all of them trust, PEM: a file. */
  readonly authorityFile: string;
  /** Certificate and key for `localhost`, PEM: files. */
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Ports for clients and for servers. */
  readonly clientPort: number;
  readonly federationPort: number;
}

/** A kind of server that Myelin is run beside. */
export interface Peer {
  readonly software: string;
  /** Installs it on first use. Rejects with the reason when it cannot be had on this machine. */
  install(): Promise<void>;
  launch(surroundings: Surroundings): Promise<InteropServer>;
}
