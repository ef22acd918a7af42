import { Type } from 'typebox';
import { written } from './forms.ts';

const DAY = 86_400;

/** Push notifications. */
export const pushSection = Type.Object(
  {
    plain_gateways: Type.Array(written('http host'), {
      default: [],
      description:
        'Push gateways, as `host:port`, that are told over HTTP: only for some inside your network.',
    }),
    mentions_in_text: Type.Boolean({
      default: false,
      description:
        'Whether a name or "@room" in the text calls people where the sender\'s client does not say whom it mentions, as bridges and old clients do not.',
    }),
    give_up_after: Type.Integer({
      minimum: 1,
      maximum: 30 * DAY,
      default: DAY,
      description: 'Seconds after which an event that a gateway did not take is pushed no more.',
    }),
    email_delay: Type.Integer({
      minimum: 0,
      maximum: 7 * DAY,
      default: 600,
      description: 'Seconds that a message has to stay unread before a mail tells of it.',
    }),
    email_interval: Type.Integer({
      minimum: 0,
      maximum: 7 * DAY,
      default: 3_600,
      description: 'Seconds between two such mails to one address.',
    }),
  },
  { additionalProperties: false, description: 'Push notifications' },
);
