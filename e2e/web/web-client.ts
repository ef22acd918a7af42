import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, resolve } from 'node:path';

/** Cinny, a web client that is widely used: the version that the steps in `conversation.ts` know their way about in. */
const VERSION = 'v4.2.2';
const SOURCE = 'https://github.com/cinnyapp/cinny.git';
/** Where it is kept once it was built; git ignores it. */
const CACHE = resolve('data/web-client');

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.html': 'text/html',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/**
 * The folder with the built client. The first time it is fetched and built, which takes some minutes and a connection to
 * GitHub and the package registry; `MYELIN_WEB_CLIENT_SOURCE` names another git repository that has the tag.
 */
export function builtWebClient(): string {
  const built = join(CACHE, VERSION);
  if (existsSync(join(built, 'index.html'))) return built;
  const work = join(CACHE, 'building');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(CACHE, { recursive: true });
  const source = process.env.MYELIN_WEB_CLIENT_SOURCE ?? SOURCE;
  run('.', 'git', ['clone', '--quiet', '--depth', '1', '--branch', VERSION, source, work]);
  run(work, 'npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts']);
  run(work, process.execPath, ['node_modules/vite/bin/vite.js', 'build', '--logLevel', 'warn']);
  renameSync(join(work, 'dist'), built);
  rmSync(work, { recursive: true, force: true });
  return built;
}

function run(cwd: string, command: string, args: readonly string[]): void {
  process.stdout.write(`${command} ${args.join(' ')}\n`);
  const env = { ...process.env, NODE_OPTIONS: '--max-old-space-size=4096' };
  const { status, error } = spawnSync(command, args, { cwd, env, stdio: 'inherit' });
  if (status !== 0)
    throw new Error(`${command} ${args[0]} failed: ${error?.message ?? `it ended with ${status}`}`);
}

/** Serves the built client on loopback, for one homeserver. */
export class ServedClient {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(folder: string, homeserver: string): Promise<ServedClient> {
    const config = JSON.stringify({
      defaultHomeserver: 0,
      homeserverList: [homeserver],
      allowCustomHomeservers: true,
      hashRouter: { enabled: false, basename: '/' },
    });
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://client');
      const named = join(folder, pathname.endsWith('olm.wasm') ? 'olm.wasm' : decodeURIComponent(pathname));
      // Paths of the client's own pages are all the same file.
      const path = extname(named) !== '' && existsSync(named) ? named : join(folder, 'index.html');
      response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream');
      if (pathname === '/config.json') return void response.end(config);
      readFile(path).then(
        (bytes) => response.end(bytes),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return new ServedClient(server);
  }

  /** Browsers keep keys and workers for pages of `localhost`. */
  get url(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
