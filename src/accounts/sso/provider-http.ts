import { OutgoingError, type OutgoingHttp } from '../../platform/outgoing-http.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';

const TIMEOUT_MS = 15_000;
const MOST_BYTES = 1_048_576;

/** 502: an identity provider did not answer as it should. What it did is for the log, not for people. */
export class ProviderFailed extends MatrixError {
  readonly reason: string;

  constructor(reason: string, options?: ErrorOptions) {
    super(502, 'M_UNKNOWN', 'The service that you sign in with did not answer as it should: try again later');
    this.reason = reason;
    this.cause = options?.cause;
  }
}

/** Asks an identity provider: gets an address, or sends a form to it, and takes a JSON object. */
export async function askJson(
  outgoing: OutgoingHttp,
  asked: { url: string; headers?: Readonly<Record<string, string>>; form?: URLSearchParams },
): Promise<JsonObject> {
  const { url, form } = asked;
  const headers: Record<string, string> = { accept: 'application/json', ...asked.headers };
  if (form) headers['content-type'] = 'application/x-www-form-urlencoded';
  try {
    const answer = await outgoing.request({
      method: form ? 'POST' : 'GET',
      url,
      headers,
      ...(form ? { body: form.toString() } : {}),
      timeoutMs: TIMEOUT_MS,
      maxBytes: MOST_BYTES,
    });
    const text = answer.body.toString('utf8');
    if (answer.status !== 200) {
      throw new ProviderFailed(`${url} answered ${answer.status}: ${text.slice(0, 500)}`);
    }
    const body: unknown = JSON.parse(text);
    if (isJsonObject(body)) return body;
    throw new ProviderFailed(`${url} did not send a JSON object`);
  } catch (error) {
    if (!(error instanceof OutgoingError || error instanceof SyntaxError)) throw error;
    throw new ProviderFailed(`${url}: ${error.message}`, { cause: error });
  }
}
