import { canonicalJson, MAX_SENT_DEPTH } from '../../protocol/canonical-json.ts';
import type { ServerName } from '../../protocol/identifiers.ts';
import { withCommas, type JsonObject } from '../../protocol/json.ts';
import { CanonicalText } from '../x-matrix.ts';
import type { WireEdu } from './volatile-edus.ts';

/** A transaction that is being sent, until the server has taken it. */
export interface OutgoingTransaction {
  readonly id: string;
  readonly body: CanonicalText;
  /** How many events and EDUs it has. */
  readonly holds: { readonly pdus: number; readonly edus: number };
  /** Position of its last event, and of its last stored EDU. */
  readonly events: number | undefined;
  readonly edus: number | undefined;
}

/** A transaction as it is written. */
export type WrittenTransaction = Pick<OutgoingTransaction, 'body' | 'holds'>;

/** What a transaction says of itself. */
export interface TransactionHead {
  readonly origin: ServerName;
  /** Milliseconds. */
  readonly at: number;
  readonly previousIds: readonly string[];
}

const SENT = { strict: false, maxDepth: MAX_SENT_DEPTH } as const;

/**
 * The body of a transaction. What canonical JSON cannot hold is left out and told to `onProblem`: all that waits behind it
 * would never be sent.
 */
export function transactionBody(
  { origin, at, previousIds }: TransactionHead,
  pdus: readonly JsonObject[],
  edus: readonly WireEdu[],
  onProblem: (error: unknown) => void,
): WrittenTransaction {
  const [pduTexts, eduTexts] = [pdus, edus].map((parts) => textsOf(parts, onProblem)) as [string[], string[]];
  const head = canonicalJson({ origin, origin_server_ts: at }, SENT).slice(1, -1);
  const first = eduTexts.length > 0 ? `"edus":[${withCommas(eduTexts)}],` : '';
  const ids = canonicalJson([...previousIds], SENT);
  const text = `{${first}${head},"pdus":[${withCommas(pduTexts)}],"previous_ids":${ids}}`;
  return { body: new CanonicalText(text), holds: { pdus: pduTexts.length, edus: eduTexts.length } };
}

/** How many things a transaction holds. */
export function countOf({ holds }: OutgoingTransaction): number {
  return holds.pdus + holds.edus;
}

function textsOf(parts: readonly JsonObject[], onProblem: (error: unknown) => void): string[] {
  const texts: string[] = [];
  for (const part of parts) {
    try {
      texts.push(canonicalJson(part, SENT));
    } catch (error) {
      onProblem(error);
    }
  }
  return texts;
}
