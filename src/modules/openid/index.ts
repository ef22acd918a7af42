export { OpenIdTokens } from './openid-tokens.ts';
