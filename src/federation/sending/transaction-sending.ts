import type { ServerName } from '../../protocol/identifiers.ts';
import type { FederationClient } from '../federation-client.ts';
import { FederationError } from '../federation-error.ts';
import type { OutgoingTransaction } from './outgoing-transaction.ts';

/** How long a server has for a transaction, in milliseconds. */
const TIMEOUT_MS = 60_000;
/**
 * Answers by which a server judges the transaction. Any other says that something is wrong with the server or the way, such as a
 * web server in its place.
 */
const JUDGING: ReadonlySet<number> = new Set([400, 413, 414, 415, 422]);
/** Those by which also what passes the transaction on judges it: the others are of no homeserver where they lack an errcode. */
const OF_SIZE: ReadonlySet<number> = new Set([413, 414]);

/** Sends a transaction once. Gives why the server has not taken it; undefined when it has. */
export async function sendTransaction(
  server: ServerName,
  { id, body }: Pick<OutgoingTransaction, 'id' | 'body'>,
  { client }: { readonly client: FederationClient },
  signal: AbortSignal,
): Promise<FederationError | undefined> {
  const path = `/_matrix/federation/v1/send/${encodeURIComponent(id)}`;
  try {
    const request = {
      method: 'PUT',
      path,
      body,
      timeoutMs: TIMEOUT_MS,
      slashIn2015: true,
      isOfServer,
      signal,
    } as const;
    await client.request(server, request);
    return undefined;
  } catch (error) {
    if (!(error instanceof FederationError)) throw error;
    return error;
  }
}

/** Whether a failure says nothing against what was sent. */
export function isOfServer(failure: FederationError): boolean {
  const { status, errcode, isTransient } = failure;
  if (isTransient || status === undefined) return true;
  // With a status of 500 or more only what is not transient is about the request.
  if (status >= 500 || OF_SIZE.has(status)) return false;
  return errcode === undefined || !JUDGING.has(status);
}
