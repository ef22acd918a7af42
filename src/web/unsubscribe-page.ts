import { Type } from 'typebox';
import { UNSUBSCRIBE_PAGE, type Pushers } from '../modules/push/index.ts';
import { endpoint } from '../wire/endpoint.ts';
import { escapeHtml, pageReply } from './page.ts';

interface Needs {
  pushers: Pushers;
}

const Named = Type.Object({ token: Type.String() });

/** The page that a mail about missed messages leads to. It only asks: programs look at links in mails, too. */
const askToUnsubscribe = endpoint(
  { id: 'unsubscribePage', method: 'GET', paths: [UNSUBSCRIBE_PAGE], auth: 'none', query: Named },
  async ({ pushers }: Needs, { query }) => {
    const address = await pushers.addressOf(query.token);
    if (address === undefined) return unsubscribed();
    return pageReply({
      title: 'No more mail about missed messages',
      body: `<p>Mail about missed messages will no longer be sent to ${escapeHtml(address)}.</p>
<form method="post">
<button>Send no more</button>
</form>`,
    });
  },
);

/** What the button does, and mail programs at one click (RFC 8058). No login is needed: the token was in the mail. */
const unsubscribe = endpoint(
  {
    id: 'unsubscribe',
    method: 'POST',
    paths: [UNSUBSCRIBE_PAGE],
    auth: 'none',
    limit: 'login',
    query: Named,
    body: 'bytes',
  },
  async ({ pushers }: Needs, { query }) => {
    await pushers.unsubscribe(query.token);
    return unsubscribed();
  },
);

function unsubscribed() {
  return pageReply({
    title: 'No more mail',
    body: '<p role="status">You get no more mail about missed messages from this link.</p>',
  });
}

export const unsubscribePages = [askToUnsubscribe, unsubscribe] as const;
