import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** The TLS certificate that other servers see, where this server has it and no reverse proxy. */
export class OwnCertificate {
  readonly #file: string;

  /** @param file PEM; empty where there is none. */
  constructor(file: string) {
    this.#file = file;
  }

  /** The certificate as it is now, in unpadded base64 of DER; undefined where there is none. */
  async base64(): Promise<string | undefined> {
    return unpadded(await this.#der());
  }

  /** SHA-256 of the certificate in unpadded base64; none where there is no certificate. */
  async fingerprints(): Promise<string[]> {
    const der = await this.#der();
    return der === undefined ? [] : [unpadded(createHash('sha256').update(der).digest()) ?? ''];
  }

  async #der(): Promise<Buffer | undefined> {
    if (this.#file === '') return undefined;
    return new X509Certificate(await readFile(this.#file)).raw;
  }
}

function unpadded(bytes: Buffer | undefined): string | undefined {
  return bytes?.toString('base64').replace(/=+$/, '');
}
