export { ThreadSubscriptions, type SubscriptionChanges } from './thread-subscriptions.ts';
