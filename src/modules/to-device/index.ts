export { ToDevice, type MessagesByDevice } from './to-device.ts';
export { receiveToDevice } from './to-device-edus.ts';
