export { DehydratedDevices } from './dehydrated-devices.ts';
