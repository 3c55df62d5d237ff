// What is measured, as data: cases, the contestants of each, and the bounds they must keep.
// A case opens a race; the timing itself is in measure.ts.
import type { City } from "./data.ts";
import type { BenchServer, Rig } from "./rig.ts";

/** How large a run is. */
export interface Scale {
  /** Records of one bulk call. */
  readonly records: number;
  /** Bulk calls of one timed run. */
  readonly batches: number;
  /** Single operations of one timed run, one after another. */
  readonly singles: number;
  /** Records behind a search. */
  readonly stored: number;
  /** Timed rounds. */
  readonly rounds: number;
  /** Milliseconds that each contestant runs before anything is timed. */
  readonly warmup: number;
}

/** One way to do a case's work. */
export interface Contestant {
  readonly name: string;
  /** The server whose time is counted; none for work that needs no server. */
  readonly server?: BenchServer;
  /** Before each run, not timed. */
  readonly before?: (round: number) => Promise<void>;
  /** The timed part. */
  readonly run: () => Promise<unknown>;
  /** Microseconds that the last run took, where it is timed by itself: its start is not part of it. */
  readonly took?: () => number;
  /** What the last run stored or read; asked for once, before anything is timed. */
  readonly rows: () => Promise<readonly City[]>;
  /** After each run, not timed. */
  readonly after?: () => Promise<void>;
}

/** A case that is set up. */
export interface Race {
  /** Operations of one run: records of bulk work, calls of single work. */
  readonly operations: number;
  /** What every contestant must have stored or read after round 0. */
  readonly expected: readonly City[];
  /** Any so many of the expected rows will do, since the question has no order. */
  readonly some?: number;
  /** The first one is the floor of all ratios. */
  readonly contestants: readonly Contestant[];
}

/** A bound of the performance budget. */
export interface Gate {
  /** Which promise it is about. */
  readonly label: string;
  readonly contestant: string;
  /** At least (throughput) or at most (time) this, relative to the floor unless a unit is given. */
  readonly bound: number;
  /** Client CPU per operation, all of it, or what is more than the floor's. */
  readonly unit?: "µs" | "µs more";
  /** What is hoped for. */
  readonly stretch?: number;
  /** The run fails with `--gate` when it is missed. */
  readonly held: boolean;
}

/** One thing to measure. */
export interface Case {
  readonly name: string;
  readonly title: string;
  /** Throughput: more is better. Time: less is better. */
  readonly measure: "throughput" | "time";
  readonly gates: readonly Gate[];
  readonly open: (rig: Rig, scale: Scale) => Promise<Race>;
}

/** A case's bounds for the mapper itself. */
export function gate(label: string, bound: number, stretch?: number, held = false): Gate {
  return { label, contestant: "remora", bound, held, ...(stretch === undefined ? {} : { stretch }) };
}

/**
 * A bound of the client's CPU per operation, for work without a server: in the quickest quarter of the runs, since machines
 * are shared.
 */
export function atMost(label: string, bound: number, unit: "µs" | "µs more"): Gate {
  return { label, contestant: "remora", bound, unit, held: false };
}
