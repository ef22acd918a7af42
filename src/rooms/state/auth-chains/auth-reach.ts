import type { EventId } from '../../../protocol/identifiers.ts';
import * as authChains from '../../../storage/rooms/auth-chains-store.ts';
import type { Reader } from '../../../storage/database.ts';
import { bytesOf, nameOf, placesOf, type AuthPlace, type ChainName } from './auth-chain-index.ts';

/** A link from one chain to another. */
interface Link {
  readonly seq: number;
  readonly target: AuthPlace;
}

/** Links of chains, read once. */
export class AuthLinks {
  readonly reader: Reader;
  readonly #known = new Map<ChainName, { upTo: number; links: readonly Link[] }>();

  constructor(reader: Reader) {
    this.reader = reader;
  }

  /** Links from a chain up to a place in it. */
  async from({ chain, seq }: AuthPlace): Promise<readonly Link[]> {
    let known = this.#known.get(chain);
    if (!known || known.upTo < seq) {
      const rows = await authChains.linksFrom(this.reader, bytesOf(chain), seq);
      const links = rows.map((row) => ({
        seq: row.seq,
        target: { chain: nameOf(row.target_chain), seq: row.target_seq },
      }));
      known = { upTo: seq, links };
      this.#known.set(chain, known);
    }
    return known.links.filter((link) => link.seq <= seq);
  }
}

/** Events outside the index, with what they cite. */
export type Unplaced = ReadonlyMap<EventId, { readonly authEventIds: readonly EventId[] }>;

/** What some events reach along auth events: how far into each chain, and which events that are in none. */
export class AuthReach {
  readonly places = new Map<ChainName, number>();
  readonly unplaced = new Set<EventId>();
  /** Reached events that nobody knows the place of. */
  readonly lost = new Set<EventId>();

  /** Adds the events and what they reach. */
  async add(eventIds: Iterable<EventId>, unplaced: Unplaced, links: AuthLinks): Promise<void> {
    const inIndex = new Set<EventId>();
    const open = [...eventIds];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      const loose = unplaced.get(id);
      if (!loose) inIndex.add(id);
      else if (!this.unplaced.has(id)) {
        this.unplaced.add(id);
        open.push(...loose.authEventIds);
      }
    }
    const found = await placesOf(links.reader, [...inIndex]);
    for (const id of inIndex) if (!found.has(id)) this.lost.add(id);
    for (const place of found.values()) await this.#reach(place, links);
  }

  /** How far into a chain they reach; 0 for not at all. */
  into(chain: ChainName): number {
    return this.places.get(chain) ?? 0;
  }

  async #reach(start: AuthPlace, links: AuthLinks): Promise<void> {
    const open = [start];
    for (let place = open.pop(); place; place = open.pop()) {
      if (this.into(place.chain) >= place.seq) continue;
      const before = this.into(place.chain);
      this.places.set(place.chain, place.seq);
      for (const link of await links.from(place)) if (link.seq > before) open.push(link.target);
    }
  }
}
