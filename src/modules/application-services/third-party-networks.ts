import type { Appservice, Appservices } from '../../accounts/application-services/appservices.ts';
import { instanceIdOf } from '../../protocol/application-services/instance-id.ts';
import { isInNamespace } from '../../protocol/application-services/registration.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { notFound } from '../../protocol/matrix-error.ts';
import type { AppserviceClient } from './appservice-client.ts';

/** Results given at most. */
const MOST_RESULTS = 1_000;

/** Networks that application services bridge to (Application Service API, "Third-party networks"). */
export class ThirdPartyNetworks {
  readonly #appservices: Appservices;
  readonly #client: AppserviceClient;

  constructor(appservices: Appservices, client: AppserviceClient) {
    this.#appservices = appservices;
    this.#client = client;
  }

  /** What there is to know of each network, by its name. Networks whose service does not answer are left out. */
  async protocols(): Promise<JsonObject> {
    const names = [...new Set(this.#appservices.all.flatMap((service) => service.protocols))];
    const found = await Promise.all(names.map(async (name) => [name, await this.#protocol(name)] as const));
    return Object.fromEntries(found.filter(([, protocol]) => protocol !== undefined)) as JsonObject;
  }

  /** One network. 404 where nobody bridges to it. */
  async protocol(name: string): Promise<JsonObject> {
    const found = await this.#protocol(name);
    if (!found) throw notFound('No application service of this server bridges to that network');
    return found;
  }

  /** Places or people of a network by what identifies them there. 404 where there is none. */
  async byFields(
    kind: 'location' | 'user',
    network: string,
    fields: Readonly<Record<string, string>>,
  ): Promise<JsonObject[]> {
    const services = this.#appservices.all.filter((service) => service.protocols.includes(network));
    return this.#search(services, `/thirdparty/${kind}/${encodeURIComponent(network)}`, fields);
  }

  /** Places that an alias stands for. 404 where there is none. */
  async byAlias(alias: string): Promise<JsonObject[]> {
    const services = this.#appservices.all.filter((service) => isInNamespace(service, 'aliases', alias));
    return this.#search(services, '/thirdparty/location', { alias });
  }

  /** People for whom a user stands. 404 where there is nobody. */
  async byUser(userId: string): Promise<JsonObject[]> {
    const services = this.#appservices.all.filter((service) => isInNamespace(service, 'users', userId));
    return this.#search(services, '/thirdparty/user', { userid: userId });
  }

  /** The networks of several services that speak one protocol are one, with the instances of all. */
  async #protocol(name: string): Promise<JsonObject | undefined> {
    let merged: JsonObject | undefined;
    for (const service of this.#appservices.all) {
      if (!service.protocols.includes(name)) continue;
      const answer = await this.#ask(service, `/thirdparty/protocol/${encodeURIComponent(name)}`, {});
      if (!isJsonObject(answer)) continue;
      const given = Array.isArray(answer.instances) ? answer.instances.filter(isJsonObject) : [];
      const instances = given.map((instance) => ({
        ...instance,
        instance_id: instanceIdOf({ appserviceId: service.id, networkId: String(instance.network_id) }),
      }));
      const before = Array.isArray(merged?.instances) ? merged.instances : [];
      merged = { ...answer, ...merged, instances: [...before, ...instances] };
    }
    return merged;
  }

  async #search(
    services: readonly Appservice[],
    path: string,
    query: Readonly<Record<string, string>>,
  ): Promise<JsonObject[]> {
    const answers = await Promise.all(services.map((service) => this.#ask(service, path, query)));
    const found = answers.flatMap((answer) => (Array.isArray(answer) ? answer.filter(isJsonObject) : []));
    if (found.length === 0) throw notFound('No application service of this server knows of it');
    return found.slice(0, MOST_RESULTS);
  }

  #ask(service: Appservice, path: string, query: Readonly<Record<string, string>>): Promise<unknown> {
    return this.#client.lookUp(service, { path, legacyPath: `/_matrix/app/unstable${path}`, query });
  }
}
