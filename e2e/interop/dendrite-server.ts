import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ChildServer } from './child-server.ts';
import type { Peer, Surroundings } from './server.ts';

const run = promisify(execFile);

const VERSION = '0.15.2';
const MODULE = 'github.com/element-hq/dendrite';
/** Where it is kept for later runs. */
const PLACE = resolve(`data/interop/dendrite-${VERSION}`);
const BINARY = join(PLACE, 'dendrite');
const KEY_MAKER = join(PLACE, 'generate-keys');

/** Dendrite, built from its Go module, as one process on SQLite. */
export const dendrite: Peer = {
  software: 'Dendrite',

  async install() {
    if (existsSync(BINARY) && existsSync(KEY_MAKER)) return;
    mkdirSync(PLACE, { recursive: true });
    const module = ['module build', '', 'go 1.24', '', `require ${MODULE} v${VERSION}`, ''].join('\n');
    writeFileSync(join(PLACE, 'go.mod'), module);
    const commands = ['dendrite', 'generate-keys'].map((name) => `${MODULE}/cmd/${name}`);
    await run('go', ['build', '-mod=mod', '-o', PLACE, ...commands], { cwd: PLACE });
  },

  async launch(around: Surroundings) {
    const file = join(around.folder, 'dendrite.yaml');
    mkdirSync(around.folder, { recursive: true });
    await run(KEY_MAKER, ['--private-key', join(around.folder, 'matrix_key.pem')]);
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(configuration(around)));
    const args = [
      ...['-config', file, '-really-enable-open-registration'],
      ...['-http-bind-address', `127.0.0.1:${around.clientPort}`],
      ...['-https-bind-address', `127.0.0.1:${around.federationPort}`],
      ...['-tls-cert', around.certificateFile, '-tls-key', around.keyFile],
    ];
    const env = { SSL_CERT_FILE: around.authorityFile };
    return ChildServer.launch({ software: 'Dendrite', command: BINARY, args, env }, around, VERSION);
  },
};

function configuration(around: Surroundings): object {
  const { folder, federationPort } = around;
  const database = (name: string) => ({
    connection_string: `file:${join(folder, `${name}.db`)}`,
    max_open_conns: 10,
    max_idle_conns: 2,
    conn_max_lifetime: -1,
  });
  return {
    version: 2,
    global: {
      server_name: `localhost:${federationPort}`,
      private_key: join(folder, 'matrix_key.pem'),
      presence: { enable_inbound: true, enable_outbound: true },
      jetstream: { storage_path: folder, in_memory: false },
      report_stats: { enabled: false },
      cache: { max_size_estimated: '256mb', max_age: '1h' },
    },
    app_service_api: { database: database('appservices') },
    client_api: {
      registration_disabled: false,
      guests_disabled: true,
      rate_limiting: { enabled: false, threshold: 20, cooloff_ms: 500 },
    },
    federation_api: {
      database: database('federation'),
      send_max_retries: 16,
      disable_tls_validation: false,
      deny_networks: [],
      allow_networks: ['127.0.0.0/8', '::1/128'],
      key_perspectives: [],
    },
    key_server: { database: database('keys') },
    media_api: {
      database: database('media'),
      base_path: join(folder, 'media'),
      max_file_size_bytes: 10_000_000,
      max_thumbnail_generators: 2,
      thumbnail_sizes: [],
    },
    mscs: { mscs: ['msc2836'], database: database('mscs') },
    relay_api: { database: database('relay') },
    room_server: { database: database('rooms') },
    sync_api: { database: database('sync'), search: { enabled: false, index_path: folder, language: 'en' } },
    user_api: {
      bcrypt_cost: 4,
      account_database: database('accounts'),
      device_database: database('devices'),
    },
    logging: [{ type: 'std', level: 'info' }],
  };
}
