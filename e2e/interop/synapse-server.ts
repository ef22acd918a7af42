import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ChildServer } from './child-server.ts';
import type { Peer, Surroundings } from './server.ts';

const run = promisify(execFile);

const VERSION = '1.163.2';
/** Where it is kept for later runs. */
const PLACE = resolve(`data/interop/synapse-${VERSION}`);
const PYTHON = join(PLACE, 'bin/python');

/** Synapse from the Python package index, in a virtual environment of its own, as one process on SQLite. */
export const synapse: Peer = {
  software: 'Synapse',

  async install() {
    if (existsSync(PYTHON) && (await installed())) return;
    rmSync(PLACE, { recursive: true, force: true });
    await run('python3', ['-m', 'venv', PLACE]);
    await run(PYTHON, ['-m', 'pip', 'install', '--quiet', `matrix-synapse==${VERSION}`]);
  },

  async launch(around: Surroundings) {
    const file = join(around.folder, 'homeserver.yaml');
    mkdirSync(around.folder, { recursive: true });
    writeFileSync(join(around.folder, 'log.yaml'), JSON.stringify(LOG));
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(configuration(around)));
    const args = ['-m', 'synapse.app.homeserver', '-c', file];
    await run(PYTHON, [...args, '--generate-keys']);
    return ChildServer.launch({ software: 'Synapse', command: PYTHON, args }, around, VERSION);
  },
};

async function installed(): Promise<boolean> {
  return run(PYTHON, ['-c', 'import synapse.app.homeserver']).then(
    () => true,
    () => false,
  );
}

const LOG = {
  version: 1,
  formatters: { plain: { format: '%(asctime)s %(levelname)s %(name)s %(message)s' } },
  handlers: { console: { class: 'logging.StreamHandler', formatter: 'plain' } },
  root: { level: 'INFO', handlers: ['console'] },
  disable_existing_loggers: false,
};

const UNLIMITED = { per_second: 100_000, burst_count: 100_000 };

function configuration(around: Surroundings): object {
  const { folder, clientPort, federationPort } = around;
  const listener = (port: number, names: string[], tls: boolean) => ({
    ...{ port, tls, type: 'http', bind_addresses: ['127.0.0.1'] },
    resources: [{ names }],
  });
  return {
    server_name: `localhost:${federationPort}`,
    public_baseurl: `http://127.0.0.1:${clientPort}/`,
    listeners: [
      listener(clientPort, ['client', 'media'], false),
      listener(federationPort, ['federation', 'media'], true),
    ],
    tls_certificate_path: around.certificateFile,
    tls_private_key_path: around.keyFile,
    federation_custom_ca_list: [around.authorityFile],
    ip_range_blacklist: [],
    federation_ip_range_blacklist: [],
    federation: {
      destination_min_retry_interval: 500,
      destination_max_retry_interval: '2s',
      max_short_retry_delay: '1s',
      max_long_retry_delay: '2s',
    },
    trusted_key_servers: [],
    suppress_key_server_warning: true,
    report_stats: false,
    database: { name: 'sqlite3', args: { database: join(folder, 'homeserver.db') } },
    log_config: join(folder, 'log.yaml'),
    pid_file: join(folder, 'homeserver.pid'),
    media_store_path: join(folder, 'media'),
    signing_key_path: join(folder, 'signing.key'),
    macaroon_secret_key: 'only for tests',
    form_secret: 'only for tests',
    bcrypt_rounds: 4,
    enable_registration: true,
    enable_registration_without_verification: true,
    allow_public_rooms_over_federation: true,
    room_list_publication_rules: [{ action: 'allow' }],
    rc_message: UNLIMITED,
    rc_registration: UNLIMITED,
    rc_login: { address: UNLIMITED, account: UNLIMITED, failed_attempts: UNLIMITED },
    rc_joins: { local: UNLIMITED, remote: UNLIMITED },
    rc_joins_per_room: UNLIMITED,
    rc_admin_redaction: UNLIMITED,
    rc_invites: { per_room: UNLIMITED, per_user: UNLIMITED, per_issuer: UNLIMITED },
    rc_room_creation: UNLIMITED,
    rc_presence: { per_user: UNLIMITED },
    rc_key_requests: UNLIMITED,
    rc_federation: {
      ...{ window_size: 1000, sleep_limit: 100_000, sleep_delay: 1 },
      ...{ reject_limit: 100_000, concurrent: 1000 },
    },
  };
}
