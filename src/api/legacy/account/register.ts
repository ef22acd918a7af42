import { Type } from 'typebox';
import type { Registration } from '../../../accounts/registration/registration.ts';
import type { StagedRegistration } from '../../../accounts/registration/staged-registration.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { badJson } from '../../../protocol/matrix-error.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import type { Session } from '../../../wire/session.ts';
import { assertHumanReadable } from '../human-id-check.ts';
import { V1, V2_ALPHA } from '../legacy-paths.ts';
import { CODES_OF_2015 } from '../old-form.ts';
import { legacySessionBody } from './legacy-session-body.ts';

/** A registration without stages, by an application service (2015: "Server admin style permissions"). */
const OF_SERVICE = 'm.login.application_service';

async function registerForAppservice(
  { registration }: { registration: Registration },
  caller: Session | undefined,
  user: unknown,
): Promise<JsonObject> {
  if (typeof user !== 'string') throw badJson('"user" must be given');
  const { session, userId } = await registration.registerForAppservice(caller?.appserviceId, {
    ...{ username: user, password: undefined, deviceId: undefined, displayName: undefined, auth: undefined },
    ...{ inhibitLogin: false, form: 'macaroon' },
  });
  return session ? legacySessionBody(session) : { user_id: userId };
}

/** GET /api/v1/register */
export const legacyRegisterFlows = endpoint(
  { id: 'get_register_info', method: 'GET', paths: [`${V1}/register`], auth: 'none' },
  ({ stagedRegistration }: { stagedRegistration: StagedRegistration }) => ({
    flows: stagedRegistration.flows(),
  }),
);

/** POST /api/v1/register: one stage. */
export const legacyRegister = endpoint(
  {
    id: 'register_v1',
    method: 'POST',
    paths: [`${V1}/register`],
    auth: 'application-service',
    limit: 'registration',
    codes: CODES_OF_2015,
    body: Type.Record(Type.String(), Type.Unknown()),
  },
  async (
    needs: { registration: Registration; stagedRegistration: StagedRegistration },
    { body, session },
  ) => {
    if (typeof body.user === 'string') assertHumanReadable({ user_id: body.user });
    if (body.type === OF_SERVICE) return registerForAppservice(needs, session, body.user);
    const answer = await needs.stagedRegistration.step(body as JsonObject);
    return 'opened' in answer ? legacySessionBody(answer.opened) : answer;
  },
);

/** POST /v2_alpha/register */
export const alphaRegister = endpoint(
  {
    id: 'register_v2',
    method: 'POST',
    paths: [`${V2_ALPHA}/register`],
    auth: 'application-service',
    limit: 'registration',
    codes: CODES_OF_2015,
    body: Type.Object({
      type: Type.Optional(Type.String()),
      user: Type.Optional(Type.String()),
      auth: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      username: Type.Optional(Type.String()),
      password: Type.Optional(Type.String()),
      bind_email: Type.Optional(Type.Boolean()),
    }),
  },
  async ({ registration }: { registration: Registration }, { body, session: caller }) => {
    if (body.type === OF_SERVICE) {
      return registerForAppservice({ registration }, caller, body.user ?? body.username);
    }
    assertHumanReadable({ user_id: body.username });
    // Who only asks for the stages need not have chosen one yet.
    if (body.auth !== undefined && body.password === undefined) throw badJson('"password" must be given');
    const { session, userId } = await registration.register({
      username: body.username,
      password: body.password,
      deviceId: undefined,
      displayName: undefined,
      inhibitLogin: false,
      form: 'macaroon',
      bindAddresses: body.bind_email ?? false,
      auth: body.auth,
    });
    return session ? legacySessionBody(session) : { user_id: userId };
  },
);
