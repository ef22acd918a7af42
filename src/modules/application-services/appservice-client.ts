import type { Appservice } from '../../accounts/application-services/appservices.ts';
import { OutgoingError, type OutgoingHttp, type OutgoingRequest } from '../../platform/outgoing-http.ts';
import type { JsonObject, JsonValue } from '../../protocol/json.ts';

/** What an application service is asked. */
export interface AppserviceRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  /** Below `/_matrix/app/v1`, with a slash before it. */
  readonly path: string;
  /** Where services that are older than that path are asked; undefined for what they never had. */
  readonly legacyPath?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly body?: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface AppserviceAnswer {
  readonly status: number;
  readonly text: string;
  /** What the text says as JSON; undefined where it is none. */
  readonly json: JsonValue | undefined;
}

const LOOK_UP_MS = 15_000;
const MAX_ANSWER_BYTES = 1024 * 1024;
/** How long a service that had only the old paths is asked on those first, in milliseconds. */
const OLD_FOR_MS = 600_000;

/** Asks application services, on the paths of today and, where they do not know those, on the old ones. */
export class AppserviceClient {
  readonly #http: OutgoingHttp;
  readonly #clock: { now(): number };
  /** Until when a service is taken for one that knows only the old paths, by its ID. */
  readonly #oldUntil = new Map<string, number>();

  /** @param http reaches every address: where application services are is the administrator's choice. */
  constructor(http: OutgoingHttp, clock: { now(): number }) {
    this.#http = http;
    this.#clock = clock;
  }

  /**
   * @throws OutgoingError when there is no answer.
   */
  async request(service: Appservice, request: AppserviceRequest): Promise<AppserviceAnswer> {
    const { legacyPath } = request;
    const isOld = (this.#oldUntil.get(service.id) ?? 0) > this.#clock.now();
    if (legacyPath !== undefined && isOld) return this.#ask(service, request, legacyPath);
    const answer = await this.#ask(service, request, `/_matrix/app/v1${request.path}`);
    // To a question that is an answer: there is no such user, alias or protocol.
    const isAnswer = request.method === 'GET' && errcodeOf(answer) === 'M_NOT_FOUND';
    const isUnknown = answer.status >= 400 && !isAnswer;
    if (!isUnknown || legacyPath === undefined) return answer;
    const old = await this.#ask(service, request, legacyPath);
    if (old.status >= 400) return answer;
    this.#oldUntil.set(service.id, this.#clock.now() + OLD_FOR_MS);
    return old;
  }

  /** What a service answers to a question, as JSON; undefined where it does not, or not with 200. */
  async lookUp(
    service: Appservice,
    question: Pick<AppserviceRequest, 'path' | 'legacyPath' | 'query'>,
  ): Promise<JsonValue | undefined> {
    if (service.url === undefined) return undefined;
    try {
      const request = { ...question, method: 'GET', timeoutMs: LOOK_UP_MS } as const;
      const { status, json } = await this.request(service, request);
      return status === 200 ? json : undefined;
    } catch (error) {
      if (error instanceof OutgoingError) return undefined;
      throw error;
    }
  }

  async #ask(service: Appservice, request: AppserviceRequest, path: string): Promise<AppserviceAnswer> {
    if (service.url === undefined)
      throw new OutgoingError('bad-url', 'The application service has no address');
    const query = new URLSearchParams({ ...request.query, access_token: service.hsToken });
    const wanted: OutgoingRequest = {
      method: request.method,
      url: `${service.url}${path}?${query.toString()}`,
      headers: {
        authorization: `Bearer ${service.hsToken}`,
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(request.body === undefined ? {} : { body: request.body }),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
      timeoutMs: request.timeoutMs,
      maxBytes: MAX_ANSWER_BYTES,
    };
    const { status, body } = await this.#http.request(wanted);
    const text = body.toString('utf8');
    return { status, text, json: parse(text) };
  }
}

function errcodeOf({ json }: AppserviceAnswer): unknown {
  return typeof json === 'object' && json !== null ? (json as JsonObject).errcode : undefined;
}

function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}
