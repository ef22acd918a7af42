export { ToDevice, type MessagesByDevice } from './to-device.ts';
