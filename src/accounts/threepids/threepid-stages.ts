import { isJsonObject, type JsonValue } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { Proof, Stage } from '../interactive-auth.ts';
import { threepidOf, type Medium, type Threepid } from './threepid-addresses.ts';
import type { Purpose, SessionName, ThreepidValidation } from './threepid-validation.ts';

const TYPES: Readonly<Record<Medium, string>> = {
  email: 'm.login.email.identity',
  msisdn: 'm.login.msisdn',
};

/** An identifier that a stage has proven, and by which session. */
export type ProvenThreepid = Threepid & {
  readonly validatedAt: number;
  /** Undefined for a session at an identity server. */
  readonly sid: string | undefined;
  /** That session, and where it is. */
  readonly at: { readonly idServer: string; readonly name: SessionName } | undefined;
};

/** `m.login.email.identity` or `m.login.msisdn`: a session that has proven an identifier. */
export function threepidStage(validation: ThreepidValidation, medium: Medium, purpose: Purpose): Stage {
  return {
    type: TYPES[medium],
    async check(auth) {
      const all = auth.threepid_creds ?? auth.threepidCreds;
      const given = Array.isArray(all) ? all[0] : all;
      const { sid, client_secret: clientSecret, id_server: idServer } = isJsonObject(given) ? given : {};
      if (typeof sid !== 'string' || typeof clientSecret !== 'string') {
        throw new MatrixError(
          400,
          'M_MISSING_PARAM',
          '"threepid_creds" in "auth" must have "sid" and "client_secret"',
        );
      }
      const name = { sid, clientSecret };
      const proven = await validation.proven(
        purpose,
        name,
        typeof idServer === 'string' ? idServer : undefined,
      );
      if (proven.medium !== medium) {
        throw new MatrixError(400, 'M_INVALID_PARAM', 'The session has proven something else');
      }
      const { address, validatedAt, isElsewhere } = proven;
      const session = isElsewhere
        ? { at: { id_server: idServer, sid, client_secret: clientSecret } }
        : { sid };
      return { medium, address, validated_at: validatedAt, ...session };
    },
  };
}

/** The identifiers that a proof has. */
export function threepidsIn(proof: Proof): ProvenThreepid[] {
  return Object.values(TYPES).flatMap((type) => {
    const { sid, at, medium, address, validated_at: validatedAt } = proof[type] ?? {};
    if (typeof medium !== 'string' || typeof address !== 'string') return [];
    if (typeof validatedAt !== 'number') return [];
    const threepid = threepidOf(medium, address);
    return [{ ...threepid, validatedAt, sid: typeof sid === 'string' ? sid : undefined, at: placeIn(at) }];
  });
}

function placeIn(at: JsonValue | undefined): ProvenThreepid['at'] {
  if (!isJsonObject(at)) return undefined;
  const { id_server: idServer, sid, client_secret: clientSecret } = at;
  if (typeof idServer !== 'string' || typeof sid !== 'string' || typeof clientSecret !== 'string')
    return undefined;
  return { idServer, name: { sid, clientSecret } };
}
