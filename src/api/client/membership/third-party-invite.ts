import { Type, type Static } from 'typebox';
import type { IdentityAccess } from '../../../accounts/identity-server.ts';
import { threepidOf, type Threepid } from '../../../accounts/threepids/threepid-addresses.ts';

/** Somebody of whom only an address is known, and the identity server that may know more. */
export const Invite3pid = Type.Object({
  medium: Type.String(),
  address: Type.String(),
  id_server: Type.String(),
  id_access_token: Type.String(),
});

/** @throws MatrixError 400 M_INVALID_PARAM for another medium or an address that is none. */
export function readInvite3pid(body: Static<typeof Invite3pid>): {
  access: IdentityAccess;
  threepid: Threepid;
} {
  return {
    access: { idServer: body.id_server, accessToken: body.id_access_token },
    threepid: threepidOf(body.medium, body.address),
  };
}
