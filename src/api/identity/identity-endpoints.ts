import { getAccount, logoutAccount, registerAccount } from './account.ts';
import { bind, getValidated3pid, unbind } from './associations.ts';
import { signEd25519, storeInvite } from './invites.ts';
import { getHashDetails, lookupUsers, lookupV1 } from './lookup.ts';
import { getPubKey, isEphemeralPubKeyValid, isPubKeyValid } from './public-keys.ts';
import { getIdentityVersions, ping } from './status.ts';
import { agreeToTerms, getTerms } from './terms.ts';
import { emailRequestToken, emailSubmitToken, msisdnRequestToken, msisdnSubmitToken } from './validation.ts';

/** The identity service of today. */
export const identityEndpoints = [
  getIdentityVersions,
  ping.v2,
  registerAccount,
  getAccount,
  logoutAccount,
  getTerms,
  agreeToTerms,
  getPubKey.v2,
  isPubKeyValid.v2,
  isEphemeralPubKeyValid.v2,
  getHashDetails,
  lookupUsers,
  emailRequestToken.v2,
  emailSubmitToken.v2,
  msisdnRequestToken.v2,
  msisdnSubmitToken.v2,
  getValidated3pid.v2,
  bind.v2,
  unbind.v2,
  storeInvite.v2,
  signEd25519.v2,
  signEd25519.v1,
] as const;

/** The same as in 2015; clients need its way to have an invitation signed today, too. */
export const identityEndpointsV1 = [
  ping.v1,
  getPubKey.v1,
  isPubKeyValid.v1,
  isEphemeralPubKeyValid.v1,
  lookupV1,
  emailRequestToken.v1,
  emailSubmitToken.v1,
  msisdnRequestToken.v1,
  msisdnSubmitToken.v1,
  getValidated3pid.v1,
  bind.v1,
  unbind.v1,
  storeInvite.v1,
] as const;
