export { TurnCredentials, type TurnConfig } from './turn-credentials.ts';
