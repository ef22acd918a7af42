import { Type } from 'typebox';

const TEN_YEARS = 315_360_000;

/** How old messages may become. */
export const retentionSection = Type.Object(
  {
    enabled: Type.Boolean({
      default: false,
      description:
        'Whether messages are removed once they are older than their room allows (MSC1763, `m.room.retention`). What is ' +
        'removed cannot be brought back; state events and files stay.',
    }),
    default_max_lifetime: Type.Integer({
      minimum: 0,
      maximum: TEN_YEARS,
      default: 0,
      description: 'Seconds that messages are kept in rooms that say nothing of it. 0: for ever.',
    }),
    least_max_lifetime: Type.Integer({
      minimum: 0,
      maximum: TEN_YEARS,
      default: 86_400,
      description: 'Seconds that messages are kept at least, whatever their room says.',
    }),
    most_max_lifetime: Type.Integer({
      minimum: 0,
      maximum: TEN_YEARS,
      default: 0,
      description: 'Seconds that messages are kept at most in rooms that set a time. 0: no limit.',
    }),
    interval: Type.Number({
      exclusiveMinimum: 0,
      maximum: 86_400,
      default: 3_600,
      description: 'Seconds between two looks for what is too old.',
    }),
  },
  { additionalProperties: false, description: 'How long messages are kept' },
);
