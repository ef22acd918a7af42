import type { FastifyInstance } from 'fastify';
import { parsePolicies } from './accounts/terms.ts';
import { identityEndpoints, identityEndpointsV1 } from './api/identity/identity-endpoints.ts';
import { RequestSignatures } from './federation/request-signatures.ts';
import type { Foundations } from './foundations.ts';
import {
  AddressLookup,
  Associations,
  BindNotices,
  Homeservers,
  IdentityAccounts,
  IdentityTerms,
  LookupPeppers,
  PublicKeys,
  StoredInvites,
  WaitingInvites,
} from './modules/identity-service/index.ts';
import { OpenIdTokens } from './modules/openid/index.ts';
import { linkBaseUrl } from './platform/config/public-base-url.ts';
import type { Config } from './platform/config/schema.ts';
import { serverName as parseName } from './protocol/identifiers.ts';
import type { JsonValue } from './protocol/json.ts';
import { MatrixError } from './protocol/matrix-error.ts';
import type { Database } from './storage/database.ts';
import { createValidation, sendingLimit } from './validation-services.ts';
import { identityValidationPages, identityValidationPagesV1 } from './web/identity-validation-page.ts';
import { validationPages } from './web/validation-page.ts';
import type { AnyDeclaration } from './wire/endpoint.ts';
import { registerEndpoints, tooManyRequests, type Wiring } from './wire/register-endpoints.ts';

/** What an identity service needs of the rest. */
export interface IdentityWiring {
  readonly config: Config;
  readonly database: Database;
  readonly foundations: Foundations;
  readonly wiring: Wiring;
  /** Takes invites that became known with an address, where the homeserver is in this process, too. */
  readonly onBindHere: ((invites: readonly JsonValue[]) => Promise<void>) | undefined;
}

/** The identity service of a process, at work. */
export interface IdentityServer {
  readonly declarations: readonly AnyDeclaration[];
  /** Ends what is under way and begins nothing else. */
  stop(): Promise<void>;
}

/** Makes the identity service answer, and begins what it does in the background. */
export async function startIdentityServer(
  app: FastifyInstance,
  needs: IdentityWiring,
): Promise<IdentityServer> {
  const { config } = needs;
  const services = createIdentityServices(needs);
  const endpoints = [
    ...identityEndpoints,
    ...identityValidationPages,
    ...(config.identity.api_v1 ? [...identityEndpointsV1, ...identityValidationPagesV1] : []),
    ...(config.roles.includes('client') ? [] : validationPages),
  ];
  const wiring = { ...needs.wiring, identity: services.identityAccounts };
  const declarations = await registerEndpoints(app, endpoints, services, wiring);
  await services.peppers.start();
  services.notices.start();
  return {
    declarations,
    async stop() {
      await services.notices.stop();
      await services.peppers.stop();
    },
  };
}

function createIdentityServices({ config, database, foundations, onBindHere }: IdentityWiring) {
  const { clock, opaque, randomness, key, mailer, outgoing, links, timers, log, serverName } = foundations;
  const { limiter } = foundations;
  const { identity } = config;
  const name = identity.server_name === '' ? serverName : parseName(identity.server_name);
  const baseUrl = linkBaseUrl(config, name);
  const onError = (error: unknown) => log?.error({ err: error }, 'the identity service failed');
  const onSendingFailed = (error: unknown) =>
    log?.error({ err: error }, 'a mail or message could not be sent');
  const homeservers = new Homeservers({
    client: links.federationClient,
    ownName: serverName,
    openIdTokens: new OpenIdTokens({ database, serverName, clock, opaque }),
    onBindHere,
  });
  const identityTerms = new IdentityTerms(database, parsePolicies(identity.policies), clock);
  const peppers = new LookupPeppers({
    ...{ database, clock, opaque, onError, lifetimeMs: identity.pepper_lifetime * 1000 },
  });
  const notices = new BindNotices({ database, homeservers, clock, timers, onError });
  const waiting = new WaitingInvites({ database, notices, name, key, clock, opaque });
  const publicKeys = new PublicKeys(key, baseUrl);
  const validation = createValidation(
    { database, config, serverName: name, clock, opaque, outgoing, mailer, onSendingFailed },
    {
      couldNotSend: (medium) => {
        const code = medium === 'email' ? 'M_EMAIL_SEND_ERROR' : 'M_SEND_ERROR';
        return new MatrixError(400, code, 'The token could not be sent: try again later');
      },
    },
  );
  return {
    ...{ validation, peppers, notices, publicKeys, identityTerms },
    identityAccounts: new IdentityAccounts({ database, homeservers, terms: identityTerms, clock, opaque }),
    addressLookup: new AddressLookup({
      ...{ database, peppers, isPlainAllowed: identity.plain_lookup },
      allow: (userId, addresses) => {
        const waitMs = limiter.take('lookup', userId, addresses);
        if (waitMs !== undefined) throw tooManyRequests(waitMs);
      },
    }),
    associations: new Associations({ database, validation, peppers, waiting, name, key, clock }),
    requestSignatures: new RequestSignatures(name, links.keyRing, clock),
    storedInvites: new StoredInvites({
      ...{ database, mailer, publicKeys, waiting, name, clock, randomness, onSendingFailed },
      allowSending: sendingLimit(config, clock),
      clientUrl: identity.invite_client,
      signUrl: `${baseUrl}/_matrix/identity/api/v1/sign-ed25519`,
    }),
  };
}
