/** How long a run may take: every loop of every scenario is bounded by these. */
export interface Effort {
  /** Length of one timed repetition, in ms. */
  readonly phaseMs: number;
  readonly repetitions: number;
  /** Longest time for making what a scenario measures on, in ms, each time something is made. */
  readonly fillMs: number;
  readonly syncRooms: number;
  readonly historyPoints: readonly number[];
  readonly memberPoints: readonly number[];
  /** How many members the big room has before the joins that are measured there. */
  readonly bigRoom: number;
  readonly diskMessages: number;
  /** Members of the rooms that are joined by way of another server. */
  readonly joinedRooms: readonly number[];
}

/** The figures to report. */
export const FULL: Effort = {
  phaseMs: 4_000,
  repetitions: 3,
  fillMs: 120_000,
  syncRooms: 200,
  historyPoints: [1_000, 10_000, 100_000],
  memberPoints: [10, 1_000, 10_000],
  bigRoom: 1_000,
  diskMessages: 10_000,
  joinedRooms: [1_000, 20_000],
};

/** A look while working: the same scenarios, too short and too small to report. */
export const QUICK: Effort = {
  phaseMs: 1_000,
  repetitions: 1,
  fillMs: 10_000,
  syncRooms: 20,
  historyPoints: [100, 1_000],
  memberPoints: [10, 200],
  bigRoom: 200,
  diskMessages: 1_000,
  joinedRooms: [200, 1_000],
};
