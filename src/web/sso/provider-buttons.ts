import type { SingleSignOn } from '../../accounts/sso/single-sign-on.ts';
import { escapeHtml } from '../page.ts';

/** A button for each identity provider; pressed, it says its ID as `provider`. Nothing where there is none. */
export function providerButtons({ providers }: SingleSignOn): string {
  return providers
    .map(({ settings: { id, name } }) => {
      return `<button name="provider" value="${escapeHtml(id)}">Continue with ${escapeHtml(name)}</button>`;
    })
    .join('\n');
}
