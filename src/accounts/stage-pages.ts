import { parseUserId, type UserId } from '../protocol/identifiers.ts';
import type { JsonObject } from '../protocol/json.ts';
import { forbidden, MatrixError, notFound } from '../protocol/matrix-error.ts';
import type { Database } from '../storage/database.ts';
import type { InteractiveAuth, Stage } from './interactive-auth.ts';
import { oauth2Stage, type LegacyStages } from './legacy-stages.ts';
import type { Passwords } from './passwords.ts';
import { passwordStage, ssoStage } from './stages.ts';
import { emailThreepid, phoneThreepid, type Threepid } from './threepids/threepid-addresses.ts';
import { threepidStage } from './threepids/threepid-stages.ts';
import type { Purpose, SessionName, ThreepidValidation } from './threepids/threepid-validation.ts';
import type { Threepids } from './threepids/threepids.ts';

/** Purposes of sessions that are not said in words. */
const PURPOSES: ReadonlyMap<string, string> = new Map([
  ['register', 'make an account'],
  ['password', 'change the password'],
  ['deactivate', 'close the account'],
  ['get_token', 'sign in another client'],
  ['add 3pid', 'add an address or phone number'],
]);

/** Completes stages for people whose client cannot (Client-Server API, "Fallback"). */
export class StagePages {
  readonly #needs: StagePageNeeds;

  constructor(needs: StagePageNeeds) {
    this.#needs = needs;
  }

  /** A stage that a session offers. 404 M_NOT_FOUND for one that it does not; 400 for an unknown session. */
  async stage(session: string, type: string): Promise<Stage> {
    const { purpose, types } = await this.#needs.interactive.offered(session);
    const stage = types.includes(type) ? this.#stageFor(purpose, type) : undefined;
    if (!stage) throw notFound('This session does not ask for this');
    return stage;
  }

  /** Completes a stage. Throws what the stage throws. */
  async complete(session: string, type: string, auth: JsonObject): Promise<void> {
    const stage = await this.stage(session, type);
    await this.#needs.interactive.completeElsewhere(session, stage, auth);
  }

  /**
   * Completes a stage for somebody who was signed in by another service.
   *
   * @throws MatrixError 403 for another user than the session's.
   */
  async completeAs(userId: UserId, session: string, type: string): Promise<void> {
    const { type: offered } = await this.stage(session, type);
    const { purpose } = await this.#needs.interactive.offered(session);
    if (userIn(purpose) !== userId) {
      throw forbidden(`You were signed in as ${userId}, which is not the user whose client asks`);
    }
    const proven = { type: offered, check: () => Promise.resolve({}) };
    await this.#needs.interactive.completeElsewhere(session, proven, {});
  }

  /** What a session is for, in words that follow "wants to". */
  async purposeOf(session: string): Promise<string> {
    const { purpose } = await this.#needs.interactive.offered(session);
    const [what = ''] = purpose.split(/ (?=@)/);
    return PURPOSES.get(what) ?? what;
  }

  /** Sends a token to a mail address, or to a phone number of a country. */
  async sendToken(
    session: string,
    type: string,
    given: { address: string; country: string | undefined },
  ): Promise<SessionName> {
    await this.stage(session, type);
    const { purpose } = await this.#needs.interactive.offered(session);
    const { address, country } = given;
    const threepid = country === undefined ? emailThreepid(address) : await phoneThreepid(country, address);
    const clientSecret = this.#needs.opaque(32);
    const wishes = { threepid, clientSecret, sendAttempt: 1, nextLink: undefined };
    const { sid } = await this.#needs.threepids.requestToken(provenFor(purpose), wishes);
    return { sid, clientSecret };
  }

  /** Takes the code of a text message. */
  async submitCode(name: SessionName, code: string): Promise<void> {
    await this.#needs.validation.submit(name, code);
  }

  #stageFor(purpose: string, type: string): Stage | undefined {
    const { database, passwords, threepids, validation, allowAttempt } = this.#needs;
    const needs = { database, passwords, ownerOf: (threepid: Threepid) => threepids.owner(threepid) };
    switch (type) {
      case 'm.login.email.identity':
        return threepidStage(validation, 'email', provenFor(purpose));
      case 'm.login.msisdn':
        return threepidStage(validation, 'msisdn', provenFor(purpose));
      case 'm.login.password': {
        const userId = userIn(purpose);
        return passwordStage(needs, userId, () => allowAttempt(userId));
      }
      case 'm.login.sso': {
        const userId = userIn(purpose);
        return ssoStage(passwordStage(needs, userId, () => allowAttempt(userId)));
      }
      case 'm.login.token':
        return this.#needs.legacyStages.token(userIn(purpose));
      case 'm.login.oauth2':
        return oauth2Stage('');
      default:
        return this.#needs.registrationStages.find((stage) => stage.type === type);
    }
  }
}

interface StagePageNeeds {
  readonly database: Database;
  readonly interactive: InteractiveAuth;
  readonly passwords: Passwords;
  readonly validation: ThreepidValidation;
  readonly threepids: Threepids;
  readonly registrationStages: readonly Stage[];
  readonly legacyStages: LegacyStages;
  readonly opaque: (length: number) => string;
  readonly allowAttempt: (account: string) => void;
}

function provenFor(purpose: string): Purpose {
  return purpose === 'register' ? 'register' : 'password';
}

/** Purposes that are somebody's end with their ID. */
function userIn(purpose: string): UserId {
  const userId = parseUserId(purpose.slice(purpose.lastIndexOf(' ') + 1));
  if (!userId) throw new MatrixError(400, 'M_UNKNOWN', 'This session is nobody’s');
  return userId;
}
