import { Type } from 'typebox';
import type { BrowserSessions } from '../../accounts/browser-sessions.ts';
import type { SingleSignOn } from '../../accounts/sso/single-sign-on.ts';
import { clientPaths, endpoint } from '../../wire/endpoint.ts';
import { onTheWayTo, REGISTER_PATH, SIGN_IN_PATH } from '../account/next-page.ts';
import { answeringWithPages, Visit } from '../visit.ts';
import { continuePath, parseRedirectUrl } from './redirect-url.ts';

/** GET /login/sso/redirect, with the ID of an identity provider or without. */
const redirectToSso = endpoint(
  {
    id: 'redirectToSSO',
    spec: 'client-server-api/#get_matrixclientv3loginssoredirect',
    method: 'GET',
    paths: [...clientPaths('/login/sso/redirect'), ...clientPaths('/login/sso/redirect/:idpId')],
    auth: 'none',
    limit: 'login',
    params: Type.Object({ idpId: Type.Optional(Type.String()) }),
    query: Type.Object({
      redirectUrl: Type.Optional(Type.String()),
      action: Type.Optional(Type.String()),
    }),
  },
  async (needs: { browserSessions: BrowserSessions; singleSignOn: SingleSignOn }, request) => {
    const visit = await Visit.of(needs.browserSessions, request);
    return answeringWithPages(visit, async () => {
      const next = continuePath(parseRedirectUrl(request.query.redirectUrl));
      const { idpId } = request.params;
      if (idpId !== undefined) {
        const browser = { token: visit.token, baseUrl: request.baseUrl };
        const location = await needs.singleSignOn.begin(idpId, browser, { kind: 'page', next });
        return visit.redirect(location, undefined, 302);
      }
      if (request.query.action === 'register') {
        return visit.redirect(onTheWayTo(REGISTER_PATH, next), undefined, 302);
      }
      return visit.redirect(visit.session ? next : onTheWayTo(SIGN_IN_PATH, next), undefined, 302);
    });
  },
);

/** Where clients of the legacy API send people to sign in. */
export const redirectPages = [redirectToSso] as const;
