import { Type } from 'typebox';

/** Bridges and bots that are part of the server. */
export const applicationServicesSection = Type.Object(
  {
    files: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: 'Registration files (YAML) of application services: bridges, bots.',
    }),
  },
  { additionalProperties: false, description: 'Application services' },
);
