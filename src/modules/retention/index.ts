export { Retention } from './retention.ts';
export type { RetentionLimits } from './retention-policy.ts';
