import { createRoom } from './create-room.ts';
import { delivery } from './delivery.ts';
import { claimKeys, deviceListUpdate, toDevice } from './encryption.ts';
import { disk } from './disk.ts';
import { growthHistory, growthMembers } from './growth.ts';
import { incrementalSync } from './incremental-sync.ts';
import { initialSync } from './initial-sync.ts';
import { join } from './join.ts';
import { messagesPage } from './messages-page.ts';
import { register } from './register.ts';
import type { Scenario } from './scenario.ts';
import { sendManyRooms, sendOneRoom } from './send.ts';
import { slidingSync } from './sliding-sync.ts';

/** In the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  register,
  createRoom,
  join,
  sendOneRoom,
  sendManyRooms,
  delivery,
  incrementalSync,
  initialSync,
  slidingSync,
  messagesPage,
  toDevice,
  claimKeys,
  deviceListUpdate,
  disk,
  growthHistory,
  growthMembers,
];
