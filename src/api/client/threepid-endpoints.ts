import { tokenRequests } from './account/request-token.ts';
import {
  add3PID,
  bind3PID,
  delete3pidFromAccount,
  getAccount3PIDs,
  post3PIDs,
  unbind3pidFromAccount,
} from './account/threepids.ts';

/** Endpoints about mail addresses and phone numbers of users. */
export const threepidEndpoints = [
  ...tokenRequests,
  add3PID,
  bind3PID,
  delete3pidFromAccount,
  getAccount3PIDs,
  post3PIDs,
  unbind3pidFromAccount,
] as const;
