import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ChildServer } from './child-server.ts';
import type { InteropServer, Surroundings } from './server.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Myelin as somebody would start it, but with loopback open to it and no limits. */
export function launchMyelin(around: Surroundings): Promise<InteropServer> {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const env = {
    MYELIN_SERVER_NAME: `localhost:${around.federationPort}`,
    MYELIN_DATA_DIR: join(around.folder, 'data'),
    MYELIN_LISTEN_HOST: '127.0.0.1',
    MYELIN_LISTEN_PORT: String(around.clientPort),
    MYELIN_FEDERATION_HOST: '127.0.0.1',
    MYELIN_FEDERATION_PORT: String(around.federationPort),
    MYELIN_FEDERATION_CERTIFICATE_FILE: around.certificateFile,
    MYELIN_FEDERATION_PRIVATE_KEY_FILE: around.keyFile,
    MYELIN_FEDERATION_RETRY_FIRST: '0.5',
    MYELIN_FEDERATION_RETRY_LONGEST: '2',
    MYELIN_OUTGOING_CA_FILE: around.authorityFile,
    MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
    MYELIN_LIMITS_ENABLED: 'false',
    MYELIN_PASSWORDS_MEMORY_KIB: '8',
    MYELIN_PASSWORDS_ITERATIONS: '1',
    MYELIN_LOG_LEVEL: 'info',
  };
  const main = join(ROOT, 'bin/myelin-server.js');
  const args = ['--disable-warning=ExperimentalWarning', main, 'serve'];
  return ChildServer.launch({ software: 'Myelin', command: process.execPath, args, env }, around, version);
}
