const NEWEST_MINOR = 19;

/** Releases of the specification since they count for all its APIs, oldest first: `v1.1` and those after it. */
export const RELEASES: readonly string[] = Array.from({ length: NEWEST_MINOR }, (_, i) => `v1.${i + 1}`);
