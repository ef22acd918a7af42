import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What of the package `s3rver`, which brings no types, is used. */
interface S3rver {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
}
type MakeS3rver = new (options: {
  port: number;
  address: string;
  silent: boolean;
  directory: string;
  configureBuckets: readonly { name: string }[];
}) => S3rver;

const BUCKET = 'media';

/** A server that speaks S3, with an empty bucket; undefined, said loudly, where its package is not installed. */
export async function startS3Server() {
  const Server = load();
  if (!Server) return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'myelin-s3-'));
  const server = new Server({
    port: 0,
    address: '127.0.0.1',
    silent: true,
    directory,
    configureBuckets: [{ name: BUCKET }],
  });
  const { port } = await server.run();
  return {
    directory,
    options: {
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      bucket: BUCKET,
      prefix: 'some/folder/',
      accessKeyId: 'S3RVER',
      secretAccessKey: 'S3RVER',
      pathStyle: true,
    },
    close: async () => {
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function load(): MakeS3rver | undefined {
  try {
    return createRequire(import.meta.url)('s3rver') as MakeS3rver;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    if (process.env.CI === 'true') throw new Error('In CI the tests must run on S3, too', { cause: error });
    process.stderr.write('NO S3: the package s3rver is not installed, object storage is not tested.\n');
    return undefined;
  }
}
