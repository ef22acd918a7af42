import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { badJson, MatrixError } from '../../protocol/matrix-error.ts';
import type { Registration } from './registration.ts';
import type { OpenedSession } from '../sessions.ts';
import type { StagePages } from '../stage-pages.ts';

/** The stage in which a client says the name and password: the last of each flow. */
const LAST = 'm.login.password';
const DUMMY = 'm.login.dummy';

/** What a client is told after a stage: the next one, or that it is done. */
export type StagedAnswer =
  { readonly next: string; readonly session: string } | { readonly opened: OpenedSession };

/**
 * Registration one request a stage, as version 1 of the API had it: the stages are those of interactive authentication,
 * and after them comes the password.
 */
export class StagedRegistration {
  readonly #registration: Registration;
  readonly #stagePages: StagePages;

  constructor(registration: Registration, stagePages: StagePages) {
    this.#registration = registration;
    this.#stagePages = stagePages;
  }

  /** The flows: for each its first stage, and all of them where there are more. */
  flows(): JsonObject[] {
    return this.#registration.flows.map((flow) => {
      const stages = [...flow.filter((type) => type !== DUMMY), LAST];
      const type = stages[0] ?? LAST;
      return stages.length === 1 ? { type } : { type, stages };
    });
  }

  /**
   * Takes one stage.
   *
   * @throws MatrixError 400 for a stage that no flow has, or a password before the other stages; what the stage throws.
   */
  async step(body: JsonObject): Promise<StagedAnswer> {
    const { type } = body;
    if (typeof type !== 'string') throw badJson('"type" must be given');
    const session = typeof body.session === 'string' ? body.session : await this.#registration.beginOnPages();
    if (type === LAST) return { opened: await this.#register(session, body) };
    await this.#stagePages.complete(session, type, authOf(body)).catch((error: unknown) => {
      const isUnknown = error instanceof MatrixError && error.errcode === 'M_NOT_FOUND';
      throw isUnknown ? new MatrixError(400, 'M_UNKNOWN', 'No flow has this stage') : error;
    });
    return { next: (await this.#nextOf(session)) ?? LAST, session };
  }

  async #register(session: string, body: JsonObject): Promise<OpenedSession> {
    const { user, password } = body;
    if (typeof password !== 'string') throw badJson('"password" must be given');
    const next = await this.#nextOf(session);
    if (next !== undefined) {
      throw new MatrixError(400, 'M_UNKNOWN', `The stage ${next} comes first`, { next, session });
    }
    const { session: opened } = await this.#registration.register({
      username: typeof user === 'string' && user !== '' ? user : undefined,
      password,
      deviceId: undefined,
      displayName: undefined,
      inhibitLogin: false,
      form: 'macaroon',
      auth: { session },
    });
    if (!opened) throw new Error('A registration with log-in opened no session');
    return opened;
  }

  /** The stage that comes next, before the password. The one that proves nothing is passed over. */
  async #nextOf(session: string): Promise<string | undefined> {
    const left = await this.#registration.stagesLeft(session);
    if (left.some(({ type }) => type === DUMMY)) {
      await this.#stagePages.complete(session, DUMMY, { type: DUMMY });
    }
    return left.find(({ type }) => type !== DUMMY)?.type;
  }
}

/** What a stage of today takes: version 1 wrote a few keys in another way. */
function authOf(body: JsonObject): JsonObject {
  const given = Array.isArray(body.threepidCreds) ? body.threepidCreds[0] : body.threepidCreds;
  if (!isJsonObject(given)) return body;
  const { clientSecret, idServer, ...rest } = given;
  const creds = {
    ...rest,
    ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
    ...(idServer === undefined ? {} : { id_server: idServer }),
  };
  return { ...body, threepid_creds: creds };
}
