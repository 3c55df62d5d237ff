// What calls to a board are given, checked before anything is sent.
import type { ValidationError } from "../errors.ts";
import { boardProblem, checkAtMost, checkedBounds, checkedWhole } from "./asked.ts";
import { checkedMember, checkedScore, tieText } from "./encoding.ts";
import type { BoardSettings } from "./options.ts";

/** Rows that one call may give. What one call gives or takes is bounded so that it does not hold the server up, on boards of millions too. */
export const mostRows = 2000;
/** Members that one call may take; more than one script looks up, ranks or takes off go to several scripts in one round trip. */
export const mostMembers = 5000;
/** Scores that one call may take. */
export const mostSubmissions = 150;
/** Members that one script looks up, ranks, or takes off. */
export const [lookedUpAtOnce, rankedAtOnce, removedAtOnce] = [1000, 125, 250];

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
    this.atMost(members.length, mostMembers, "members");
    return members.map((member) => this.member(member));
  }

  /**
   * Sends requests about members, as many as it takes, in one go; all members are checked before the first is sent.
   *
   * @param members - the members.
   * @param size - how many one request may be about.
   * @param send - sends one; it makes its words when it is sent.
   * @returns the replies, in order.
   */
  inSlices<T>(members: readonly string[], size: number, send: (words: () => string[]) => Promise<T>): Promise<T[]> {
    let checked: string[] | undefined;
    const slices: Promise<T>[] = [];
    for (let from = 0; from < members.length; from += size) {
      slices.push(send(() => (checked ??= this.members(members)).slice(from, from + size)));
    }
    return Promise.all(slices);
  }

  member(member: string): string {
    return checkedMember(member, this.#settings);
  }

  score(score: number, what: string, member?: string): number {
    return checkedScore(score, what, this.#settings.name, member);
  }

  /** Two scores, the lower one first. */
  bounds(low: number, high: number): [number, number] {
    return checkedBounds(low, high, this.#settings.name);
  }

  whole(value: number, least: number, most: number, what: string): number {
    return checkedWhole(value, least, most, what, this.#settings.name);
  }

  atMost(count: number, most: number, what: string): void {
    checkAtMost(count, most, what, this.#settings.name);
  }

  /** The words of a submitted score: member, score and tie text. */
  words(entry: UncheckedScore): (string | number)[] {
    const member = this.member(entry.member);
    const score = this.score(entry.score, "a score", member);
    return [member, score, tieText(this.#settings, entry.scores, member)];
  }

  problem(message: string): ValidationError {
    return boardProblem(message, this.#settings.name);
  }
}
