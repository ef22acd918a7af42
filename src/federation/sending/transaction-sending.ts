import type { ServerName } from '../../protocol/identifiers.ts';
import type { BackOff } from '../back-off.ts';
import type { FederationClient } from '../federation-client.ts';
import { FederationError } from '../federation-error.ts';
import type { OutgoingTransaction } from './outgoing-transaction.ts';

/** How long a server has for a transaction, in milliseconds. */
const TIMEOUT_MS = 60_000;
/** Answers by which a server does not judge the transaction, but says that something is wrong with itself or the way. */
const TRANSIENT: ReadonlySet<number> = new Set([401, 403, 404, 408]);

/** Sends a transaction once. Gives why the server has not taken it; undefined when it has. */
export async function sendTransaction(
  server: ServerName,
  { id, body }: Pick<OutgoingTransaction, 'id' | 'body'>,
  { client, backOff }: { client: FederationClient; backOff: BackOff },
  signal: AbortSignal,
): Promise<FederationError | undefined> {
  const path = `/_matrix/federation/v1/send/${encodeURIComponent(id)}`;
  try {
    const request = { method: 'PUT', path, body, timeoutMs: TIMEOUT_MS, slashIn2015: true, signal } as const;
    await client.request(server, request);
    return undefined;
  } catch (error) {
    if (!(error instanceof FederationError)) throw error;
    if (isOfServer(error) && !error.isTransient) await backOff.failed(server);
    return error;
  }
}

/** Whether a failure says nothing against what was sent. */
export function isOfServer(failure: FederationError): boolean {
  return failure.isTransient || failure.reason === 'bad-answer' || TRANSIENT.has(failure.status ?? 0);
}
