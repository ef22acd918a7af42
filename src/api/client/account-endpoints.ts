import { changePassword } from './account/change-password.ts';
import { deactivateAccount } from './account/deactivate.ts';
import { deleteDevice, deleteDevices, getDevice, getDevices, updateDevice } from './account/devices.ts';
import { generateLoginToken } from './account/get-login-token.ts';
import { getLoginFlows, login } from './account/login.ts';
import { logout, logoutAll } from './account/logout.ts';
import { refresh } from './account/refresh.ts';
import { checkUsernameAvailability } from './account/register-available.ts';
import { register } from './account/register.ts';
import { registrationTokenValidity } from './account/registration-token-validity.ts';
import { sharedSecretNonce, sharedSecretRegister } from './account/shared-secret-register.ts';
import { getTokenOwner } from './account/whoami.ts';
import { getCapabilities } from './discovery/capabilities.ts';
import { getVersions } from './discovery/versions.ts';
import { getWellknown, getWellknownPolicy, getWellknownSupport } from './discovery/well-known.ts';

/** Endpoints about accounts and devices, and those by which clients find out what the server can do. */
export const accountEndpoints = [
  changePassword,
  checkUsernameAvailability,
  deactivateAccount,
  deleteDevice,
  deleteDevices,
  generateLoginToken,
  getCapabilities,
  getDevice,
  getDevices,
  getLoginFlows,
  getTokenOwner,
  getVersions,
  getWellknown,
  getWellknownPolicy,
  getWellknownSupport,
  login,
  logout,
  logoutAll,
  refresh,
  register,
  registrationTokenValidity,
  sharedSecretNonce,
  sharedSecretRegister,
  updateDevice,
] as const;
