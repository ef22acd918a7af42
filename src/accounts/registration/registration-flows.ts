import type { Challenge, Stage } from '../interactive-auth.ts';
import { dummyStage } from '../stages.ts';

/** Whether registrations take something. */
export type Need = 'off' | 'optional' | 'required';

/** The stages that a server has for registrations. */
export interface RegistrationStages {
  /** Stages that every flow has, such as a token or terms, in the order in which they are asked. */
  readonly always: readonly Stage[];
  /** Stages that prove an address or phone number. */
  readonly threepids: readonly { readonly stage: Stage; readonly need: Need }[];
}

/** What is asked of who registers: a flow for each choice of what is optional, the shortest first. */
export function registrationChallenge({ always, threepids }: RegistrationStages): Challenge {
  const asked = threepids.filter(({ need }) => need !== 'off');
  let flows: string[][] = [always.map(({ type }) => type)];
  for (const { stage, need } of asked) {
    const withIt = flows.map((flow) => [...flow, stage.type]);
    flows = need === 'required' ? withIt : [...flows, ...withIt];
  }
  const needsDummy = flows.some((flow) => flow.length === 0);
  return {
    purpose: 'register',
    flows: flows.map((flow) => (flow.length === 0 ? [dummyStage.type] : flow)),
    stages: [...always, ...asked.map(({ stage }) => stage), ...(needsDummy ? [dummyStage] : [])],
  };
}
