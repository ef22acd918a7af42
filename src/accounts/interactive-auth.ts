import { isJsonObject, type JsonObject } from '../protocol/json.ts';
import { MatrixError } from '../protocol/matrix-error.ts';
import type { Database } from '../storage/database.ts';
import { commitOrRefuse } from '../storage/guarded-commit.ts';
import * as sessionsStore from '../storage/accounts/interactive-sessions-store.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';

/** A way to prove something, such as `m.login.password`. */
export interface Stage {
  readonly type: string;
  /** What clients need to know for this stage. */
  readonly params?: JsonObject;
  /** The same, where it differs from session to session. */
  readonly paramsFor?: (session: string) => JsonObject;
  /**
   * Checks what the client says of this stage.
   *
   * @returns what to remember of it.
   * @throws MatrixError when it is not right; the client may try again.
   */
  check(auth: JsonObject): Promise<JsonObject>;
}

/** 403: what a client says for a stage can never be right, so that it need not try again. */
export class StageRefused extends MatrixError {
  constructor(message: string) {
    super(403, 'M_FORBIDDEN', message);
  }
}

/** What is asked of a client before an operation. */
export interface Challenge {
  /** What the proof is for and for whom: a session cannot be used for anything else. */
  readonly purpose: string;
  /** Each flow is a list of stage types; one flow has to be completed. */
  readonly flows: readonly (readonly string[])[];
  readonly stages: readonly Stage[];
}

/** The stages that a client completed, with what they remembered. */
export type Proof = Readonly<Record<string, JsonObject>>;

const LIFETIME_MS = 30 * 60_000;

/** User-interactive authentication (Client-Server API, "User-Interactive Authentication API"). */
export class InteractiveAuth {
  readonly #database: Database;
  readonly #clock: { now(): number };
  readonly #opaque: (length: number) => string;

  constructor(database: Database, clock: { now(): number }, opaque: (length: number) => string) {
    this.#database = database;
    this.#clock = clock;
    this.#opaque = opaque;
  }

  /**
   * Lets the request through when its `auth` completes a flow.
   *
   * @throws MatrixError 401 with flows, session and completed stages when more is needed.
   */
  async prove(challenge: Challenge, auth: unknown): Promise<Proof> {
    const asked = isJsonObject(auth) ? auth : undefined;
    const session = await this.#session(challenge, asked);
    if (!asked || asked.type === undefined) {
      if (asked && isComplete(challenge, session.completed)) {
        await this.#forget(session);
        return session.completed;
      }
      throw await this.#challenge(challenge, session);
    }
    const stage = challenge.stages.find((one) => one.type === asked.type);
    if (!stage) {
      throw await this.#challenge(
        challenge,
        session,
        new MatrixError(400, 'M_UNRECOGNIZED', 'No flow has this stage'),
      );
    }
    try {
      session.completed[stage.type] = await stage.check(asked);
    } catch (error) {
      // Who asks too often is told to wait, which is no failed stage.
      const isFailed = error instanceof MatrixError && error.status !== 429;
      if (isFailed && !(error instanceof StageRefused))
        throw await this.#challenge(challenge, session, error);
      throw error;
    }
    if (!isComplete(challenge, session.completed)) throw await this.#challenge(challenge, session);
    await this.#forget(session);
    return session.completed;
  }

  /** The 401 for a proof that was complete, and did not do after all: with a new session, and why. */
  async startAgain(challenge: Challenge, failed: MatrixError): Promise<MatrixError> {
    return this.#challenge(challenge, await this.#session(challenge, undefined), failed);
  }

  /** Begins a session for somebody who goes through the stages on pages. */
  async begin(challenge: Challenge): Promise<string> {
    const id = this.#opaque(24);
    await this.#keep(challenge, { id, isKept: false, completed: {} });
    return id;
  }

  /**
   * The stages that are left of the flow that needs the fewest.
   *
   * @throws MatrixError 400 M_UNKNOWN for a session that is not known or has expired.
   */
  async stagesLeft(challenge: Challenge, id: string): Promise<readonly Stage[]> {
    const completed = JSON.parse((await this.#kept(id)).completed) as Proof;
    const left = challenge.flows
      .map((flow) => flow.filter((type) => !Object.hasOwn(completed, type)))
      .sort((a, b) => a.length - b.length)[0];
    return challenge.stages.filter(({ type }) => left?.includes(type) === true);
  }

  /**
   * The purpose and the stage types of a session, for pages on which people complete a stage.
   *
   * @throws MatrixError 400 M_UNKNOWN for a session that is not known or has expired.
   */
  async offered(id: string): Promise<{ purpose: string; types: readonly string[] }> {
    const row = await this.#kept(id);
    const types = JSON.parse(row.params) as unknown;
    return { purpose: row.purpose, types: Array.isArray(types) ? types.map(String) : [] };
  }

  /**
   * Completes a stage for a client that is elsewhere; it goes on with the session alone.
   *
   * @throws MatrixError when the stage is not right.
   */
  async completeElsewhere(id: string, stage: Stage, auth: JsonObject): Promise<void> {
    const result = await stage.check(auth);
    const row = await this.#kept(id);
    const completed = { ...(JSON.parse(row.completed) as Proof), [stage.type]: result };
    const unit = new UnitOfWork();
    sessionsStore.change(unit, { ...row, completed: JSON.stringify(completed) });
    await this.#commit(unit);
  }

  async #kept(id: string): Promise<sessionsStore.InteractiveSessionRow> {
    const row = await sessionsStore.byId(this.#database, id);
    if (row && row.expires_at > this.#clock.now()) return row;
    throw new MatrixError(400, 'M_UNKNOWN', 'This session is not known or has expired: begin again');
  }

  async #session(challenge: Challenge, auth: JsonObject | undefined): Promise<OpenSession> {
    const id = auth?.session;
    if (typeof id !== 'string') return { id: this.#opaque(24), isKept: false, completed: {} };
    const row = await sessionsStore.byId(this.#database, id);
    if (!row || row.purpose !== challenge.purpose || row.expires_at <= this.#clock.now()) {
      throw notKnown();
    }
    return { id, isKept: true, completed: JSON.parse(row.completed) as Record<string, JsonObject> };
  }

  async #challenge(challenge: Challenge, session: OpenSession, error?: MatrixError): Promise<MatrixError> {
    await this.#keep(challenge, session);
    const body: JsonObject = {
      flows: challenge.flows.map((stages) => ({ stages: [...stages] })),
      params: paramsOf(challenge, session.id),
      session: session.id,
      completed: Object.keys(session.completed),
    };
    return new AuthenticationNeeded(body, error);
  }

  async #keep({ purpose, flows }: Challenge, session: OpenSession): Promise<void> {
    const now = this.#clock.now();
    const unit = new UnitOfWork();
    const completed = JSON.stringify(session.completed);
    const params = JSON.stringify([...new Set(flows.flat())]);
    const row = { id: session.id, purpose, completed, params, expires_at: now + LIFETIME_MS };
    if (session.isKept) sessionsStore.change(unit, row);
    else sessionsStore.add(unit, row, now);
    await this.#commit(unit);
  }

  /** What is proven is used once, by whichever request ends the session. */
  async #forget(session: OpenSession): Promise<void> {
    if (!session.isKept) return;
    const unit = new UnitOfWork();
    sessionsStore.remove(unit, session.id);
    await this.#commit(unit);
  }

  async #commit(unit: UnitOfWork): Promise<void> {
    await commitOrRefuse(this.#database, unit, () => notKnown());
  }
}

interface OpenSession {
  readonly id: string;
  readonly isKept: boolean;
  readonly completed: Record<string, JsonObject>;
}

/** 401 that says what to prove; has an errcode only when a stage failed. */
class AuthenticationNeeded extends MatrixError {
  readonly #body: JsonObject;

  constructor(body: JsonObject, failed: MatrixError | undefined) {
    super(401, failed?.errcode ?? 'M_UNAUTHORIZED', failed?.message ?? 'More authentication is needed');
    this.#body = failed ? { errcode: failed.errcode, error: failed.message, ...body } : body;
  }

  override toBody(): JsonObject {
    return this.#body;
  }
}

function notKnown(): MatrixError {
  const message = 'The authentication session is not known here, or was used: begin again without one';
  return new MatrixError(400, 'M_UNKNOWN', message);
}

function paramsOf(challenge: Challenge, session: string): JsonObject {
  return Object.fromEntries(
    challenge.stages.flatMap(({ type, params, paramsFor }) => {
      const known = paramsFor?.(session) ?? params;
      return known ? [[type, known]] : [];
    }),
  );
}

function isComplete(challenge: Challenge, completed: Proof): boolean {
  return challenge.flows.some((stages) => stages.every((type) => Object.hasOwn(completed, type)));
}
