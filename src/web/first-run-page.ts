/** The page at `/`: what this is, and what to do next. */
export function firstRunPage(facts: { serverName: string; address: string; open: boolean }): string {
  const account = facts.open
    ? 'Registration is open: choose “create account” in your client.'
    : 'Registration is closed: ask the administrator for an account.';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(facts.serverName)}</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; color: #1d2430; background: #fff }
code, pre { background: #f0f2f5; border-radius: 4px; padding: .1em .35em }
pre { padding: .8em 1em; overflow-x: auto }
@media (prefers-color-scheme: dark) { body { color: #e3e7ee; background: #14181f } code, pre { background: #232a35 } }
</style>
</head>
<body>
<h1>${escapeHtml(facts.serverName)}</h1>
<p>This is <strong>Myelin</strong>, a <a href="https://matrix.org">Matrix</a> homeserver, and it is running.</p>
<h2>Use it</h2>
<p>In any Matrix client, choose this homeserver: <code>${escapeHtml(facts.address)}</code>. ${account}</p>
<h2>Make the first account</h2>
<pre>npx myelin user create alice --admin</pre>
<p>It asks for a password. Run it in the folder where the server was started.</p>
<h2>Configure it</h2>
<p>Nothing has to be configured. <code>npx myelin init</code> writes a <code>myelin.yaml</code> with every option explained;
<code>docs/configuration.md</code> lists them too. Everything that is kept lies in the data folder.</p>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
