import { alphaChangePassword } from './change-password.ts';
import { legacyLogin, legacyLoginFlows } from './login.ts';
import { alphaRegister, legacyRegister, legacyRegisterFlows } from './register.ts';
import { alphaAddThreepid, alphaGetThreepids } from './threepids.ts';
import { tokenRefresh } from './token-refresh.ts';

/** Endpoints about accounts as 2015 had them. */
export const legacyAccountEndpoints = [
  alphaAddThreepid,
  alphaChangePassword,
  alphaGetThreepids,
  alphaRegister,
  legacyLogin,
  legacyLoginFlows,
  legacyRegister,
  legacyRegisterFlows,
  tokenRefresh,
] as const;
