/** Adds the token of the page that asks to what it fetches of the media. */
self.addEventListener('install', (event) => event.waitUntil(self.skipWaiting()));
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (event) => {
  const { request, clientId } = event;
  if (request.method !== 'GET' || !new URL(request.url).pathname.startsWith('/_matrix/client/v1/media/'))
    return;
  event.respondWith(withToken(request.url, clientId));
});

async function withToken(url, clientId) {
  const page = await self.clients.get(clientId);
  const token = await new Promise((answer) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => answer(data);
    if (page === undefined) answer(null);
    else page.postMessage('token', [port2]);
  });
  return fetch(url, token === null ? {} : { headers: { authorization: `Bearer ${token}` } });
}
