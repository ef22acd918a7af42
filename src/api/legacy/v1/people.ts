import { getTurnServer } from '../../client/people/turn-server.ts';
import { setTyping } from '../../client/rooms/typing.ts';
import { getProfileField, getUserProfile, setProfileField } from '../../client/user/profile.ts';
import { V1 } from '../legacy-paths.ts';
import { CODES_OF_BODIES, oldForm } from '../old-form.ts';

const FIELD = `${V1}/profile/:userId/:keyName`;

/** What people are called, and how they are called up: as today, at the paths of 2015. */
export const v1People = [
  oldForm(getUserProfile, { id: 'get_profile', paths: [`${V1}/profile/:userId`] }),
  oldForm(getProfileField, { id: 'get_profile_field', paths: [FIELD] }),
  oldForm(setProfileField, { id: 'set_profile_field', paths: [FIELD], codes: CODES_OF_BODIES }),
  oldForm(setTyping, { id: 'set_typing', paths: [`${V1}/rooms/:roomId/typing/:userId`] }),
  oldForm(getTurnServer, { id: 'turn_server', paths: [`${V1}/turnServer`, `${V1}/voip/turnServer`] }),
] as const;
