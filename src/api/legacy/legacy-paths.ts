/** Prefixes of the Client-Server API in 2015. */
export const V1 = '/_matrix/client/api/v1';
export const V2_ALPHA = '/_matrix/client/v2_alpha';
