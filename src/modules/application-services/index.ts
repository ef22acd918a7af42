export { AppserviceClient } from './appservice-client.ts';
export { AppserviceInterest } from './appservice-interest.ts';
export { AppservicePing } from './appservice-ping.ts';
export { AppserviceQueries } from './appservice-queries.ts';
export type { AppserviceQueueNeeds } from './appservice-queue.ts';
export { AppserviceSender } from './appservice-sender.ts';
export { UriMapping } from './uri-mapping.ts';
export { ThirdPartyNetworks } from './third-party-networks.ts';
