import { escapeHtml } from '../platform/html-text.ts';
import { hash } from 'node:crypto';
import { Reply } from '../wire/endpoint.ts';

/** A page for people. What is in `body` is HTML: texts in it must have been escaped. */
export interface Page {
  readonly status?: number;
  readonly title: string;
  readonly body: string;
  /** The page's only inline script. */
  readonly script?: string;
  /** Another origin's script, allowed with its frames, such as a riddle's. */
  readonly foreignScript?: string;
  /** Where forms may be sent to beside this server, also by redirects; nothing is restricted where it is left out. */
  readonly formTargets?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

const STYLE = `
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 30rem; margin: 3rem auto; padding: 0 1rem; color: #1d2430; background: #fff }
label { display: block; margin: 1rem 0 .25rem }
input:not([type=hidden]) { font: inherit; box-sizing: border-box; width: 100%; padding: .5rem }
button { font: inherit; margin-top: 1.25rem; padding: .5rem 1.5rem }
[role=alert] { color: #b3261e }
@media (prefers-color-scheme: dark) { body { color: #e3e7ee; background: #14181f } a { color: #9cc4ff } [role=alert] { color: #ffb4ab } }
`;

/** A page as an answer: nothing of elsewhere is loaded, nobody may frame it, nothing keeps a copy. */
export function pageReply(page: Page): Reply {
  const foreign =
    page.foreignScript === undefined ? '' : ` ${new URL(page.foreignScript).origin} https://www.gstatic.com`;
  const inline = page.script === undefined ? '' : ` ${sourceHash(page.script)}`;
  const policy = [
    `default-src 'none'`,
    `style-src ${foreign === '' ? sourceHash(STYLE) : "'unsafe-inline'"}`,
    `script-src${inline}${foreign}${inline + foreign === '' ? " 'none'" : ''}`,
    `connect-src 'self'`,
    `frame-src${foreign === '' ? " 'none'" : foreign}`,
    `base-uri 'none'`,
    `frame-ancestors 'none'`,
    ...(page.formTargets ? [`form-action ${["'self'", ...page.formTargets].join(' ')}`] : []),
  ];
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    ...page.headers,
  };
  return new Reply(page.status ?? 200, headers, Buffer.from(htmlOf(page)));
}

export { escapeHtml };

/** Hidden fields of a form. */
export function hiddenFields(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`)
    .join('\n');
}

function sourceHash(source: string): string {
  return `'sha256-${hash('sha256', source, 'base64')}'`;
}

function htmlOf({ title, body, script, foreignScript }: Page): string {
  const foreign =
    foreignScript === undefined ? '' : `\n<script src="${escapeHtml(foreignScript)}" async></script>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>${foreign}
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${body}
</main>${script === undefined ? '' : `\n<script>${script}</script>`}
</body>
</html>
`;
}
