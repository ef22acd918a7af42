import { localised, type ClientMetadata } from '../../accounts/oauth/client-metadata.ts';
import { escapeHtml } from '../page.ts';

/** Languages that a person reads, the best first (RFC 9110, section 12.5.4). */
export function languagesOf(header: string | undefined): string[] {
  return (header ?? '')
    .split(',')
    .slice(0, 20)
    .map((part) => {
      const [tag = '', quality = 'q=1'] = part.trim().split(/\s*;\s*/);
      return { tag, weight: Number(quality.replace(/^q=/, '')) || 0 };
    })
    .filter(({ tag, weight }) => /^[a-z0-9-]{1,35}$/i.test(tag) && weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ tag }) => tag);
}

/** What a person has to know of a client before they let it in, as HTML. */
export function clientCard(metadata: ClientMetadata, deviceId: string, languages: readonly string[]): string {
  const { hostname } = new URL(metadata.client_uri);
  const name = localised(metadata, 'client_name', languages) ?? hostname;
  const documents = [
    ['tos_uri', 'Terms of service'],
    ['policy_uri', 'Privacy policy'],
  ].flatMap(([key = '', title = '']) => {
    const address = localised(metadata, key, languages);
    return address === undefined ? [] : [`<li>${link(address, title)}</li>`];
  });
  const list = documents.length === 0 ? '' : `<ul>\n${documents.join('\n')}\n</ul>\n`;
  return `<p><strong>${escapeHtml(name)}</strong> (${link(metadata.client_uri, hostname)}) wants to use your account.</p>
<p>It will be able to read and send messages and do everything else that you can do. It will be listed among your devices
as <code>${escapeHtml(deviceId)}</code>.</p>
${list}`;
}

function link(address: string, title: string): string {
  return `<a href="${escapeHtml(address)}" target="_blank" rel="noopener noreferrer">${escapeHtml(title)}</a>`;
}
