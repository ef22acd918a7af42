import { Type } from 'typebox';
import { written } from './forms.ts';

/** What the server tells its users in rooms. */
export const noticesSection = Type.Object(
  {
    localpart: written('localpart', {
      default: '_server',
      description:
        'Localpart of the user who sends notices. Nobody can log in as it. Do not change it later.',
    }),
    display_name: Type.String({
      minLength: 1,
      maxLength: 255,
      default: 'Server Notices',
      description: 'Name of that user.',
    }),
    room_name: Type.String({
      minLength: 1,
      maxLength: 255,
      default: 'Server Notices',
      description: 'Name of the rooms in which notices are sent.',
    }),
  },
  { additionalProperties: false, description: 'Notices of the server to its users' },
);
