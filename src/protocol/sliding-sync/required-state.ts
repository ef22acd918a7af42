import type { UserId } from '../identifiers.ts';

/** One entry of what a client wants of a room's state. Null stands for every type, or every state key. */
export type StateElement = readonly [type: string | null, stateKey: string | null];

/** What one list or subscription wants of a room's state (MSC4186, `RequiredStateRequest`). */
export interface RequiredState {
  readonly include: readonly StateElement[];
  readonly exclude: readonly StateElement[];
  /** Memberships are given for those who appear in the timeline, and where an element names `m.room.member`. */
  readonly lazyMembers: boolean;
}

const MEMBER = 'm.room.member';

/** What all lists and subscriptions that a room is in want of its state: whatever any of them wants. */
export class RequiredStates {
  /** The same text for the same wishes. `parse` reads it. */
  readonly key: string;
  readonly lazyMembers: boolean;
  /** Whether every membership is wanted. */
  readonly allMembers: boolean;
  readonly #parts: readonly RequiredState[];

  constructor(parts: readonly RequiredState[]) {
    const byText = new Map(parts.map((part) => [textOf(part), part]));
    this.key = `[${[...byText.keys()].sort().join(',')}]`;
    this.#parts = [...byText.values()];
    this.allMembers = this.#parts.some((part) =>
      part.include.some((element) => isEveryMember(part, element)),
    );
    this.lazyMembers = !this.allMembers && this.#parts.some((part) => part.lazyMembers);
  }

  /** Reads a `key`. */
  static parse(key: string): RequiredStates {
    return new RequiredStates(JSON.parse(key) as RequiredState[]);
  }

  /** The same with what others want besides. */
  with(others: RequiredStates): RequiredStates {
    return new RequiredStates([...this.#parts, ...others.#parts]);
  }

  /** Whether an entry is wanted. What is wanted of memberships by `lazyMembers` alone is not. */
  matches(type: string, stateKey: string): boolean {
    return this.#parts.some((part) => partMatches(part, type, stateKey));
  }

  /** The users whose membership is wanted by name. */
  namedMembers(): UserId[] {
    const named = new Set<UserId>();
    for (const { include } of this.#parts) {
      for (const [type, stateKey] of include) {
        if (stateKey !== null && (type === MEMBER || type === null)) named.add(stateKey as UserId);
      }
    }
    return [...named].filter((userId) => this.matches(MEMBER, userId));
  }

  /** Whether anything but memberships may be wanted. */
  get wantsOthers(): boolean {
    return this.#parts.some((part) => part.include.some(([type]) => type !== MEMBER));
  }
}

function isEveryMember(part: RequiredState, [type, stateKey]: StateElement): boolean {
  if (stateKey !== null) return false;
  return type === MEMBER || (type === null && !part.lazyMembers);
}

function partMatches(part: RequiredState, type: string, stateKey: string): boolean {
  const isMatch = ([wantedType, wantedKey]: StateElement) =>
    (wantedType === null || wantedType === type) && (wantedKey === null || wantedKey === stateKey);
  const isLazy = (element: StateElement) =>
    part.lazyMembers && type === MEMBER && element[0] === null && element[1] === null;
  return part.include.some((one) => isMatch(one) && !isLazy(one)) && !part.exclude.some(isMatch);
}

function textOf({ include, exclude, lazyMembers }: RequiredState): string {
  const sorted = (elements: readonly StateElement[]) =>
    [...new Set(elements.map((element) => JSON.stringify(element)))].sort().join(',');
  return `{"include":[${sorted(include)}],"exclude":[${sorted(exclude)}],"lazyMembers":${lazyMembers}}`;
}

/**
 * What the pairs of (type, state key) ask for by which clients say it so far: `*` for all, `$ME` for the user, and
 * `["m.room.member", "$LAZY"]` for lazy loading (MSC3575).
 */
export function requiredStateOfPairs(
  pairs: readonly (readonly [string, string])[],
  me: UserId,
): RequiredState {
  const include: StateElement[] = [];
  let lazyMembers = false;
  for (const [type, stateKey] of pairs) {
    if (stateKey === '$LAZY') {
      if (type === MEMBER) lazyMembers = true;
      continue;
    }
    const key = stateKey === '$ME' ? me : stateKey === '*' ? null : stateKey;
    include.push([type === '*' ? null : type, key]);
  }
  return { include, exclude: [], lazyMembers };
}
