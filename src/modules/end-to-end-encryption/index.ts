export { CrossSigning, type CrossSigningKeys } from './cross-signing.ts';
export { DeviceKeys } from './device-keys.ts';
export { DeviceLists } from './device-lists.ts';
export { OneTimeKeys, type DeviceOfUser } from './one-time-keys.ts';
