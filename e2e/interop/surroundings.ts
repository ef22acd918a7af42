import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestAuthority } from '../../src/testing/federation/certificates.ts';
import type { Surroundings } from './server.ts';
import { freePort } from '../../src/testing/server/free-port.ts';

/** A folder with an authority that signs for all servers of a run. Each server gets a part of it. */
export class Neighbourhood {
  readonly folder: string;
  readonly #authority = new TestAuthority();
  readonly #authorityFile: string;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'myelin-interop-'));
    this.#authorityFile = join(this.folder, 'authority.pem');
    writeFileSync(this.#authorityFile, this.#authority.certificate);
  }

  /** A place for a server: a folder, ports that are free, a certificate for `localhost`. */
  async place(name: string): Promise<Surroundings> {
    const folder = join(this.folder, name);
    mkdirSync(folder);
    const { certificate, key } = this.#authority.issue('localhost', '127.0.0.1');
    const [certificateFile, keyFile] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
    writeFileSync(certificateFile, certificate);
    writeFileSync(keyFile, key);
    return {
      ...{ folder, certificateFile, keyFile, authorityFile: this.#authorityFile },
      clientPort: await freePort(),
      federationPort: await freePort(),
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
