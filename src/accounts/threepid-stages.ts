import { isJsonObject } from '../protocol/json.ts';
import { MatrixError } from '../protocol/matrix-error.ts';
import type { Proof, Stage } from './interactive-auth.ts';
import { threepidOf, type Medium, type Threepid } from './threepid-addresses.ts';
import type { Purpose, ThreepidValidation } from './threepid-validation.ts';

const TYPES: Readonly<Record<Medium, string>> = {
  email: 'm.login.email.identity',
  msisdn: 'm.login.msisdn',
};

/** An identifier that a stage has proven, and by which session. */
export type ProvenThreepid = Threepid & {
  readonly validatedAt: number;
  /** Undefined for a session at an identity server. */
  readonly sid: string | undefined;
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
      return { medium, address, validated_at: validatedAt, ...(isElsewhere ? {} : { sid }) };
    },
  };
}

/** The identifiers that a proof has. */
export function threepidsIn(proof: Proof): ProvenThreepid[] {
  return Object.values(TYPES).flatMap((type) => {
    const { sid, medium, address, validated_at: validatedAt } = proof[type] ?? {};
    if (typeof medium !== 'string' || typeof address !== 'string') return [];
    if (typeof validatedAt !== 'number') return [];
    return [{ ...threepidOf(medium, address), validatedAt, sid: typeof sid === 'string' ? sid : undefined }];
  });
}
