import type { Appservice, Appservices } from '../../accounts/application-services/appservices.ts';
import { isInNamespace } from '../../protocol/application-services/registration.ts';
import { isJsonObject } from '../../protocol/json.ts';
import { invalidParam, notFound } from '../../protocol/matrix-error.ts';
import type { AppserviceClient } from './appservice-client.ts';

/** Kinds of addresses on other networks that the text names. */
const SCHEMES = ['tel', 'mailto', 'irc', 'xmpp', 'sip'];

/**
 * Users and rooms of other networks by their URIs (2015, Application Service API, "ID conventions"). How a service makes
 * IDs of URIs is its own affair: it is asked, in the form in which the server is.
 */
export class UriMapping {
  readonly #appservices: Appservices;
  readonly #client: AppserviceClient;

  constructor(appservices: Appservices, client: AppserviceClient) {
    this.#appservices = appservices;
    this.#client = client;
  }

  /**
   * The user who stands for a URI such as `mailto:alice@example.org`.
   *
   * @throws MatrixError 400 for a URI of a kind that is not mapped, 404 where no application service knows it.
   */
  userOf(uri: string): Promise<string> {
    return this.#find(uri, { path: '/user', key: 'user_id', namespace: 'users' });
  }

  /** The alias of the room that stands for a URI such as `irc://irc.example.org/%23garden`; errors as for users. */
  aliasOf(uri: string): Promise<string> {
    return this.#find(uri, { path: '/alias', key: 'alias', namespace: 'aliases' });
  }

  async #find(uri: string, kind: Kind): Promise<string> {
    const scheme = /^([a-z]+):./i.exec(uri)?.[1]?.toLowerCase();
    if (scheme === undefined || !SCHEMES.includes(scheme))
      throw invalidParam(`uri must be a URI of one of these kinds: ${SCHEMES.join(', ')}`);
    for (const service of this.#appservices.all) {
      const id = await this.#ask(service, uri, kind);
      if (id !== undefined && isInNamespace(service, kind.namespace, id)) return id;
    }
    throw notFound('No application service of this server knows that URI');
  }

  async #ask(service: Appservice, uri: string, { path, key }: Kind): Promise<string | undefined> {
    const answer = await this.#client.lookUp(service, { path, query: { uri } });
    const id = isJsonObject(answer) ? answer[key] : undefined;
    return typeof id === 'string' ? id : undefined;
  }
}

interface Kind {
  readonly path: string;
  readonly key: 'user_id' | 'alias';
  readonly namespace: 'users' | 'aliases';
}
