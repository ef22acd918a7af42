import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, resolve } from 'node:path';

/** What is bundled: the page, the list of packages, and the bundler's settings. */
const SOURCE = resolve('e2e/web/element');
/** Where it is kept once it was bundled; git ignores it. */
const CACHE = resolve('data/web-client');

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  // The user interface names its workers as their sources are named.
  '.ts': 'text/javascript',
  '.css': 'text/css',
  '.html': 'text/html',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/**
 * The folder with the bundled client. The first time, and when what it is made of has changed, its packages are installed
 * from the package registry and bundled, which takes a minute or two.
 */
export function builtWebClient(): string {
  const files = readdirSync(SOURCE, { withFileTypes: true }).filter((file) => file.isFile());
  const hash = createHash('sha256');
  for (const { name } of files) hash.update(name).update(readFileSync(join(SOURCE, name)));
  const built = join(CACHE, `element-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(join(built, 'index.html'))) return built;
  rmSync(CACHE, { recursive: true, force: true });
  const work = join(CACHE, 'building');
  mkdirSync(work, { recursive: true });
  for (const { name } of files) cpSync(join(SOURCE, name), join(work, name));
  run(work, 'npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts']);
  run(work, process.execPath, ['bundle.js', 'out']);
  renameSync(join(work, 'out'), built);
  rmSync(work, { recursive: true, force: true });
  return built;
}

function run(cwd: string, command: string, args: readonly string[]): void {
  process.stdout.write(`${command} ${args.join(' ')}\n`);
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (status !== 0)
    throw new Error(`${command} ${args[0]} failed: ${error?.message ?? `it ended with ${status}`}`);
}

/** Serves the bundled client on loopback, for one homeserver. */
export class ServedClient {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(folder: string, homeserver: string, serverName: string): Promise<ServedClient> {
    const config = JSON.stringify({
      default_server_config: { 'm.homeserver': { base_url: homeserver, server_name: serverName } },
      brand: 'Element',
      disable_guests: true,
      embedded_pages: { login_for_welcome: true },
    });
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://client');
      const path = pathname === '/' ? '/index.html' : decodeURIComponent(pathname);
      response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream');
      if (path === '/config.json') return void response.end(config);
      readFile(join(folder, path)).then(
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
