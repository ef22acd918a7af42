import { createHash, timingSafeEqual } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import type { Config } from './platform/config/schema.ts';
import type { Metrics } from './platform/metrics.ts';
import { MatrixError } from './protocol/matrix-error.ts';
import type { WatchedDatabase } from './storage/watched-database.ts';
import { firstRunPage } from './web/first-run-page.ts';
import { sendJson } from './wire/send-json.ts';

/** Figures of a homeserver at work. */
export function watchHomeserver(
  metrics: Metrics,
  services: {
    readonly notifier: { readonly waiting: number };
    readonly pushDelivery: { readonly atWork: number };
  },
): void {
  metrics.gauge(
    'myelin_waiting_syncs',
    'Syncs that wait for something to happen',
    () => services.notifier.waiting,
  );
  metrics.gauge(
    'myelin_pushers_at_work',
    'Pushers that wait for the answer of a gateway or mail server, in the process that pushes',
    () => services.pushDelivery.atWork,
  );
}

/**
 * Routes for who runs the server, whatever its roles: `/health`, which says what does not work, and `/metrics`. Where
 * other servers are answered over TLS, which is the open internet, figures take a token.
 */
export function addOperationalRoutes(
  app: FastifyInstance,
  config: Config,
  watched: { readonly metrics: Metrics; readonly database: WatchedDatabase },
): void {
  const { metrics, database } = watched;
  metrics.gauge('myelin_log_position', 'Newest position of the log', () => database.position());
  app.get('/health', async (_request, reply) => {
    const failing = await database.failure();
    if (failing === undefined) return sendJson(reply, '{"status":"ok"}');
    return sendJson(reply.code(503), JSON.stringify({ status: 'failing', failing: `database: ${failing}` }));
  });
  if (config.metrics.enabled) addMetrics(app, config.metrics.token, metrics);
}

/** The page at `/` of a homeserver. */
export function addFirstRunPage(app: FastifyInstance, config: Config): void {
  app.get('/', (request, reply) => {
    const address = config.public_base_url === '' ? `http://${request.host}` : config.public_base_url;
    const open = config.registration.enabled;
    const page = firstRunPage({ serverName: config.server_name, address, open });
    return reply.header('content-type', 'text/html; charset=utf-8').send(page);
  });
}

function addMetrics(app: FastifyInstance, token: string, metrics: Metrics): void {
  app.get('/metrics', async (request, reply) => {
    if (token === '' && request.raw.socket instanceof TLSSocket) throw notHere();
    if (token !== '' && !isSame(request.headers.authorization ?? '', `Bearer ${token}`)) {
      reply.header('www-authenticate', 'Bearer');
      throw new MatrixError(
        401,
        'M_UNAUTHORIZED',
        'Reading the metrics takes the token of the configuration',
      );
    }
    const { contentType, text } = await metrics.text();
    return reply.header('content-type', contentType).send(text);
  });
}

function notHere(): MatrixError {
  return new MatrixError(
    404,
    'M_UNRECOGNIZED',
    'Without a token, the metrics are only at the address of `listen`',
  );
}

/** Compares in a time that tells nothing of the texts. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
