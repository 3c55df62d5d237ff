// What calls to a board are given, checked before anything is sent.
import { ValidationError } from "../errors.ts";
import { checkedMember, checkedScore, tieText } from "./encoding.ts";
import type { BoardSettings } from "./options.ts";

/** Rows or members that one call may take or give: more would hold the server up. */
export const mostRows = 5000;
/** Scores that one call may take. */
export const mostSubmissions = 1000;

/** A submitted score that nobody has looked at yet. */
export interface UncheckedScore {
  readonly member: string;
  readonly score: number;
  readonly scores?: unknown;
}

/** Checks for one board. */
export class BoardInput {
  readonly #settings: BoardSettings;

  /**
   * @param settings - the board.
   */
  constructor(settings: BoardSettings) {
    this.#settings = settings;
  }

  /** Up to as many members as one call may take. */
  members(members: readonly string[]): string[] {
    this.atMost(members.length, mostRows, "members");
    return members.map((member) => this.member(member));
  }

  member(member: string): string {
    return checkedMember(member, this.#settings.name);
  }

  score(score: number, what: string, member?: string): number {
    return checkedScore(score, what, this.#settings.name, member);
  }

  /** Two scores, the lower one first. */
  bounds(low: number, high: number): [number, number] {
    const bounds: [number, number] = [this.score(low, "a bound"), this.score(high, "a bound")];
    if (bounds[0] <= bounds[1]) return bounds;
    throw this.problem(`the lowest score comes first, and ${low} is above ${high}`);
  }

  whole(value: number, least: number, most: number, what: string): number {
    if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
    throw this.problem(`${what} is a whole number from ${least} to ${Math.floor(most)}, not ${String(value)}`);
  }

  atMost(count: number, most: number, what: string): void {
    if (count > most) throw this.problem(`at most ${most} ${what} at once, not ${count}; send them in parts`);
  }

  /** The words of a submitted score: member, score and tie text. */
  words(entry: UncheckedScore): (string | number)[] {
    const member = this.member(entry.member);
    const score = this.score(entry.score, "a score", member);
    return [member, score, tieText(this.#settings, entry.scores, member)];
  }

  problem(message: string): ValidationError {
    const { name } = this.#settings;
    return new ValidationError(`${name}: ${message}`, { entity: name });
  }
}
