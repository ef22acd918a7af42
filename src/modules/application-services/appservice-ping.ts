import type { Appservices } from '../../accounts/application-services/appservices.ts';
import { OutgoingError } from '../../platform/outgoing-http.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { forbidden, MatrixError } from '../../protocol/matrix-error.ts';
import type { AppserviceClient } from './appservice-client.ts';
import type { AppserviceSender } from './appservice-sender.ts';

const TIMEOUT_MS = 30_000;
const MOST_OF_BODY = 10_000;

/** Lets application services find out whether this server reaches them (Application Service API, "Pinging"). */
export class AppservicePing {
  readonly #appservices: Appservices;
  readonly #client: AppserviceClient;
  readonly #sender: AppserviceSender;

  constructor(appservices: Appservices, client: AppserviceClient, sender: AppserviceSender) {
    this.#appservices = appservices;
    this.#client = client;
    this.#sender = sender;
  }

  /**
   * Asks the application service for a sign of life; gives the milliseconds that it took.
   *
   * @param asking the application service that wants it: only of itself.
   * @throws MatrixError 403, 400 M_URL_NOT_SET, 502 M_BAD_STATUS or M_CONNECTION_FAILED, 504 M_CONNECTION_TIMEOUT.
   */
  async ping(asking: string | undefined, id: string, transactionId: string | undefined): Promise<number> {
    const service = asking === id ? this.#appservices.byId(id) : undefined;
    if (!service) throw forbidden('An application service may ask for this with its own token and ID');
    if (service.url === undefined) {
      throw new MatrixError(400, 'M_URL_NOT_SET', 'The registration of the application service has no "url"');
    }
    const content: JsonObject = transactionId === undefined ? {} : { transaction_id: transactionId };
    const begun = performance.now();
    const answer = await this.#client
      .request(service, {
        method: 'POST',
        path: '/ping',
        body: JSON.stringify(content),
        timeoutMs: TIMEOUT_MS,
      })
      .catch((error: unknown) => {
        throw error instanceof OutgoingError ? connectionError(error) : error;
      });
    if (answer.status !== 200) {
      const details = { status: answer.status, body: answer.text.slice(0, MOST_OF_BODY) };
      throw new MatrixError(502, 'M_BAD_STATUS', 'The application service did not answer with 200', details);
    }
    await this.#sender.retry(service);
    return Math.round(performance.now() - begun);
  }
}

function connectionError(error: OutgoingError): MatrixError {
  return error.reason === 'timeout'
    ? new MatrixError(504, 'M_CONNECTION_TIMEOUT', 'The application service did not answer in time')
    : new MatrixError(
        502,
        'M_CONNECTION_FAILED',
        `The application service was not reached: ${error.message}`,
      );
}
