export { CrossSigning, type CrossSigningKeys } from './cross-signing.ts';
export { DeviceKeys } from './device-keys.ts';
export { DeviceListEdus } from './device-list-edus.ts';
export { DeviceListsOnJoin } from './device-lists-on-join.ts';
export { DeviceLists } from './device-lists.ts';
export { OneTimeKeys, type DeviceOfUser } from './one-time-keys.ts';
export { RemoteDeviceLists } from './remote-device-lists.ts';
export { RemoteKeyQueries } from './remote-key-queries.ts';
