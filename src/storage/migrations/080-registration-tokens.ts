/** Tokens of the configuration are valid while they are in it, and not kept here. No others had no limit. */
export const registrationTokens = {
  number: 80,
  name: 'registration-tokens',
  statements: [`DELETE FROM registration_tokens WHERE uses_allowed IS NULL AND expires_at IS NULL`],
};
