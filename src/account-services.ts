import { hash } from 'node:crypto';
import { AccountClosing } from './accounts/account-closing.ts';
import { Accounts } from './accounts/accounts.ts';
import { Appservices } from './accounts/application-services/appservices.ts';
import { readRegistrationFiles } from './accounts/application-services/registration-files.ts';
import { Administration } from './accounts/administration.ts';
import { EmailLogin } from './accounts/email-login.ts';
import { InteractiveAuth } from './accounts/interactive-auth.ts';
import { LegacyStages } from './accounts/legacy-stages.ts';
import { Login } from './accounts/login.ts';
import { LoginTokens } from './accounts/login-tokens.ts';
import { MacaroonTokens } from './accounts/macaroon-tokens.ts';
import { Passwords } from './accounts/passwords.ts';
import { NewAccounts } from './accounts/registration/new-accounts.ts';
import { Registration } from './accounts/registration/registration.ts';
import { Sessions } from './accounts/sessions.ts';
import { RegistrationTokens } from './accounts/registration/registration-tokens.ts';
import { SharedSecretRegistration } from './accounts/registration/shared-secret-registration.ts';
import { IdentityServers } from './accounts/identity-server.ts';
import { recaptchaStage } from './accounts/recaptcha.ts';
import { registrationChallenge } from './accounts/registration/registration-flows.ts';
import { registrationTokenStage } from './accounts/stages.ts';
import { StagePages } from './accounts/stage-pages.ts';
import { StagedRegistration } from './accounts/registration/staged-registration.ts';
import { parsePolicies, termsStage } from './accounts/terms.ts';
import { threepidStage } from './accounts/threepids/threepid-stages.ts';
import { Threepids } from './accounts/threepids/threepids.ts';
import type { ThreepidValidation } from './accounts/threepids/threepid-validation.ts';
import type { Mailer } from './platform/mailer.ts';
import type { OutgoingHttp } from './platform/outgoing-http.ts';
import type { Timers } from './platform/timers.ts';
import { forbidden, MatrixError } from './protocol/matrix-error.ts';
import type { SigningKey } from './protocol/signing.ts';
import type { Config } from './platform/config/schema.ts';
import { createOAuthServices } from './oauth-services.ts';
import type { ServerName, UserId } from './protocol/identifiers.ts';
import type { Database } from './storage/database.ts';
import { createValidation } from './validation-services.ts';

/** What the services about accounts need of the rest. */
export interface AccountWiring {
  readonly database: Database;
  readonly config: Config;
  readonly serverName: ServerName;
  /** Who sends server notices. */
  readonly noticesUser: UserId;
  readonly clock: { now(): number };
  readonly timers: Timers;
  readonly opaque: (length: number) => string;
  /** Throws 429 when the passwords of an account were tried too often. */
  readonly allowAttempt: (account: string) => void;
  readonly outgoing: OutgoingHttp;
  readonly mailer: Mailer;
  readonly key: SigningKey;
  readonly onSendingFailed: (error: unknown) => void;
  readonly onProviderFailed: (providerId: string, reason: string) => void;
}

/** Puts the services about accounts together. */
export function createAccountServices(wiring: AccountWiring) {
  const { database, config, serverName, noticesUser, clock, opaque, allowAttempt } = wiring;
  const { memory_kib: memoryKib, iterations, min_length: minLength } = config.passwords;
  const passwords = new Passwords({ memoryKib, iterations }, minLength);
  const accessTokenLifetimeMs = config.sessions.access_token_lifetime * 1000;
  const macaroons = new MacaroonTokens(() => macaroonSecret(wiring.key), serverName, clock);
  const registrations = readRegistrationFiles(config.application_services.files);
  const appservices = new Appservices({ registrations, database, serverName, noticesUser, clock });
  const sessions = new Sessions({
    ...{ database, clock, opaque, accessTokenLifetimeMs, macaroons, appservices },
    timers: wiring.timers,
  });
  const interactive = new InteractiveAuth(database, clock, opaque);
  const { enabled, guests, shared_secret: secret } = config.registration;
  const identity = new IdentityServers(
    wiring.outgoing,
    serverName,
    wiring.key,
    config.threepids.plain_identity_servers,
  );
  const { trusted_identity_servers: trusted } = config.threepids;
  const validation = createValidation(wiring, {
    couldNotSend: () => new MatrixError(502, 'M_UNKNOWN', 'The token could not be sent: try again later'),
    provenAt: async (idServer, name) => {
      if (trusted.includes(idServer)) return identity.validated(idServer, name);
      throw forbidden(`The word of the identity server ${idServer} is not taken here`);
    },
  });
  const threepids = new Threepids({
    ...{ database, validation, identity, clock },
    policy: {
      allowChanges: config.threepids.allow_changes,
      hideExistence: config.threepids.hide_existence,
      allowedEmails: config.threepids.allowed_emails,
    },
  });
  const tokens = new RegistrationTokens({ database, clock, configured: config.registration.tokens });
  const challenge = createChallenge(wiring, validation, tokens);
  const newAccounts = new NewAccounts({
    ...{
      database,
      sessions,
      passwords,
      tokens,
      threepids,
      validation,
      appservices,
      serverName,
      noticesUser,
      clock,
    },
  });
  const registration = new Registration({
    accounts: newAccounts,
    tokens,
    sessions,
    passwords,
    interactive,
    policy: { enabled, guests },
    ...{ challenge, threepids, appservices },
    opaque,
  });
  const accountClosing = new AccountClosing(database, wiring.timers);
  const accounts = new Accounts({
    ...{ database, sessions, passwords, interactive, threepids, validation, allowAttempt, noticesUser },
    closing: accountClosing,
  });
  accounts.onClosing((unit, userId) => threepids.release(unit, userId));
  const loginTokens = new LoginTokens({ database, sessions, macaroons, serverName, clock, opaque });
  const login = new Login({
    ...{ database, sessions, passwords, serverName, threepids, loginTokens, allowAttempt, appservices },
  });
  const legacyStages = new LegacyStages(database, loginTokens, config.sso.providers.length > 0);
  const stagePages = new StagePages({
    ...{ database, interactive, passwords, validation, threepids, opaque, allowAttempt },
    ...{ registrationStages: challenge.stages, legacyStages },
  });
  return {
    ...createOAuthServices({
      ...{ database, clock, opaque, sessions, accounts, interactive, newAccounts },
      ...{ outgoing: wiring.outgoing, config, onProviderFailed: wiring.onProviderFailed },
    }),
    appservices,
    sessions,
    registration,
    newAccounts,
    identity,
    threepids,
    validation,
    stagePages,
    legacyStages,
    stagedRegistration: new StagedRegistration(registration, stagePages),
    emailLogin: new EmailLogin({ database, threepids, validation, sessions, opaque }),
    recaptchaScript: config.recaptcha.script_url,
    administration: new Administration(database, sessions, serverName),
    login,
    loginTokens,
    accounts,
    accountClosing,
    sharedSecret: new SharedSecretRegistration(newAccounts, secret === '' ? undefined : secret, {
      opaque,
      clock,
    }),
  };
}

/** What `createAccountServices` puts together. */
export type AccountServices = ReturnType<typeof createAccountServices>;

/** Known to every process of the server, as its signing key is; Ed25519 makes the same signature each time. */
function macaroonSecret(key: SigningKey): Buffer {
  return hash('sha256', key.sign('the secret of macaroons'), 'buffer');
}

function createChallenge(wiring: AccountWiring, validation: ThreepidValidation, tokens: RegistrationTokens) {
  const { config, outgoing } = wiring;
  const policies = parsePolicies(config.terms.policies);
  const { site_key: siteKey, secret, verify_url: verifyUrl } = config.recaptcha;
  const always = [
    ...(config.registration.requires_token ? [registrationTokenStage(tokens)] : []),
    ...(siteKey === '' ? [] : [recaptchaStage(outgoing, { siteKey, secret, verifyUrl })]),
    ...(policies.length === 0 ? [] : [termsStage(policies)]),
  ];
  return registrationChallenge({
    always,
    threepids: [
      { stage: threepidStage(validation, 'email', 'register'), need: config.threepids.registration_email },
      { stage: threepidStage(validation, 'msisdn', 'register'), need: config.threepids.registration_msisdn },
    ],
  });
}
