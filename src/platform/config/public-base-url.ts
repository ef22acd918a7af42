import type { Config } from './schema.ts';

/** The address by which clients reach the server, as it is configured, without a slash at its end; else undefined. */
export function publicBaseUrl(config: Config): string | undefined {
  const url = config.public_base_url.replace(/\/+$/, '');
  return url === '' ? undefined : url;
}

/** The address for links in mails and the like: what is configured, or else what goes by the name of the server. */
export function linkBaseUrl(config: Config, serverName: string): string {
  return publicBaseUrl(config) ?? `https://${serverName}`;
}
