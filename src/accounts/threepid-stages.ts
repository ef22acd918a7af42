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
export type ProvenThreepid = Threepid & { readonly validatedAt: number; readonly sid: string };

/** `m.login.email.identity` or `m.login.msisdn`: a session that has proven an identifier. */
export function threepidStage(validation: ThreepidValidation, medium: Medium, purpose: Purpose): Stage {
  return {
    type: TYPES[medium],
    async check(auth) {
      const given = auth.threepid_creds ?? auth.threepidCreds;
      const { sid, client_secret: clientSecret } = isJsonObject(given) ? given : {};
      if (typeof sid !== 'string' || typeof clientSecret !== 'string') {
        throw new MatrixError(
          400,
          'M_MISSING_PARAM',
          '"threepid_creds" in "auth" must have "sid" and "client_secret"',
        );
      }
      const proven = await validation.proven(purpose, { sid, clientSecret });
      if (proven.medium !== medium) {
        throw new MatrixError(400, 'M_INVALID_PARAM', 'The session has proven something else');
      }
      return { sid, medium, address: proven.address, validated_at: proven.validatedAt };
    },
  };
}

/** The identifiers that a proof has. */
export function threepidsIn(proof: Proof): ProvenThreepid[] {
  return Object.values(TYPES).flatMap((type) => {
    const { sid, medium, address, validated_at: validatedAt } = proof[type] ?? {};
    if (typeof sid !== 'string' || typeof medium !== 'string' || typeof address !== 'string') return [];
    if (typeof validatedAt !== 'number') return [];
    return [{ ...threepidOf(medium, address), validatedAt, sid }];
  });
}
