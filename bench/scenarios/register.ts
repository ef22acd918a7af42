import type { Scenario } from './scenario.ts';

/** Accounts with the default password hash, eight at a time. */
export const register: Scenario = {
  name: 'register',
  defaultHash: true,
  async run(subject) {
    const measurement = await subject.measurePhases(8, () => subject.client.register());
    subject.report({ scenario: 'register', operation: 'register, default password hash', measurement });
  },
};
