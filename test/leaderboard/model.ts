// A leaderboard as a sorted array: what each call means, in plain code. The tests hold the real one against it.
// Times are counted in submissions, in the order in which they count.
import type { KeptScore, RankType } from "remora";

/** Options in plain form. */
export interface ModelOptions {
  readonly order: "desc" | "asc";
  readonly keep: KeptScore;
  readonly ties: RankType;
  readonly breaks: "time" | "member" | "scores";
  /** The order of each sub-score. */
  readonly subs: readonly ("desc" | "asc")[];
}

/** A member of the model. */
interface Entry {
  readonly member: string;
  readonly score: number;
  readonly subs: readonly number[];
  readonly since: number;
}

/** What a row must say. */
export interface ModelRow {
  readonly member: string;
  readonly score: number;
  readonly rank: number;
  readonly subs: readonly number[];
}

export class Model {
  readonly options: ModelOptions;
  #entries: Entry[] = [];
  #submissions = 0;

  constructor(options: ModelOptions) {
    this.options = options;
  }

  // Below 0 when a stands before b.
  #byScore(a: number, b: number, order: "desc" | "asc" = this.options.order): number {
    return order === "desc" ? b - a : a - b;
  }

  #bySubs(a: readonly number[], b: readonly number[]): number {
    for (const [at, order] of this.options.subs.entries()) {
      const difference = this.#byScore(a[at] as number, b[at] as number, order);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  #compare = (a: Entry, b: Entry): number =>
    this.#byScore(a.score, b.score) ||
    this.#bySubs(a.subs, b.subs) ||
    (this.options.breaks === "time" ? a.since - b.since : 0) ||
    (this.options.order === "desc" ? -1 : 1) * Buffer.compare(Buffer.from(a.member), Buffer.from(b.member));

  #rank(entry: Entry, entries: readonly Entry[]): number {
    const ahead = (other: Entry): boolean =>
      (this.#byScore(other.score, entry.score) || this.#bySubs(other.subs, entry.subs)) < 0;
    switch (this.options.ties) {
      case "ordinal":
        return entries.indexOf(entry) + 1;
      case "competition":
        return entries.filter(ahead).length + 1;
      case "dense":
        return new Set(entries.filter(ahead).map(({ score, subs }) => [score, ...subs].join(" "))).size + 1;
    }
  }

  rows(among: (member: string) => boolean = () => true): ModelRow[] {
    const entries = this.#entries.filter(({ member }) => among(member));
    return entries.map((entry) => {
      const { member, score, subs } = entry;
      return { member, score, rank: this.#rank(entry, entries), subs };
    });
  }

  rankOf(member: string): number | null {
    return this.rows().find((row) => row.member === member)?.rank ?? null;
  }

  submit(member: string, given: number, subs: readonly number[], increment: boolean) {
    this.#submissions += 1;
    const previousRank = this.rankOf(member);
    const old = this.#entries.find((entry) => entry.member === member);
    const adds = increment || this.options.keep === "sum";
    const next = {
      member,
      score: old !== undefined && adds ? old.score + given : given,
      subs: increment ? (old?.subs ?? subs.map(() => 0)) : subs,
      since: this.#submissions,
    };
    const difference =
      old === undefined ? -1 : this.#byScore(next.score, old.score) || this.#bySubs(next.subs, old.subs);
    const counts = {
      best: difference < 0,
      worst: difference > 0,
      first: false,
      last: difference !== 0,
      sum: difference !== 0,
    };
    if (old === undefined || (adds ? difference !== 0 : counts[this.options.keep])) {
      this.#entries = [...this.#entries.filter((entry) => entry !== old), next].toSorted(this.#compare);
      const improved = difference < 0;
      return { score: next.score, rank: this.rankOf(member), previousRank, improved };
    }
    return { score: old.score, rank: previousRank, previousRank, improved: false };
  }

  /** Puts in a member that is new, without asking for ranks. */
  add(member: string, score: number, subs: readonly number[]): void {
    this.#submissions += 1;
    this.#entries.push({ member, score, subs, since: this.#submissions });
    this.#entries.sort(this.#compare);
  }

  remove(members: readonly string[]): number {
    const before = this.#entries.length;
    this.#entries = this.#entries.filter(({ member }) => !members.includes(member));
    return before - this.#entries.length;
  }
}
