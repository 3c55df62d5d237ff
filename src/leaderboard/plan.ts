// Which keys a moment's scores go to: the board of all time and the current period of each kind, and until when that is so.
// Worked out once per period; the server's clock has the last word.
import { DefinitionError, ValidationError } from "../errors.ts";
import { after, before, millisecondsOf, never, type Span } from "./calendar.ts";
import type { BoardSettings } from "./options.ts";
import type { PeriodSettings } from "./periods.ts";
import { type BoardKeys, boardKeys } from "./scripts.ts";
import { firstInstant, lastInstant } from "./zone.ts";

/** A board that is written. */
export interface PlannedBoard {
  /** What the period is called; empty for all time. */
  readonly period: string;
  readonly keys: BoardKeys;
  /** When it expires, in epoch milliseconds; 0 for never. */
  readonly ends: number;
}

/** What a write goes to while the server's clock is within it. */
export interface WritePlan extends Span {
  readonly boards: readonly PlannedBoard[];
  /** The place of the main board. */
  readonly main: number;
  /** Boards of past seasons, whose ends were not known while they ran. */
  readonly past: readonly PlannedBoard[];
  /** A write of this plan went through, so the user has the rights for it, and all ends are set. */
  allowed: boolean;
}

/** Plans for one board. */
export class Plans {
  readonly #settings: BoardSettings;
  readonly #namespace: string;
  #plan: WritePlan | undefined;

  /**
   * @param settings - the board.
   * @param namespace - put in front of every key.
   */
  constructor(settings: BoardSettings, namespace: string) {
    this.#settings = settings;
    this.#namespace = namespace;
  }

  /**
   * What a write goes to.
   *
   * @param now - the server's time.
   * @returns the plan for this moment.
   * @throws DefinitionError when a calendar gives no proper periods.
   */
  at(now: number): WritePlan {
    if (this.#plan !== undefined && now >= this.#plan.from && now < this.#plan.to) return this.#plan;
    const { periods, allTime, main } = this.#settings;
    const spans = periods.map((period) => ({ period, span: period.calendar(now) }));
    const boards = [
      ...(allTime ? [{ period: "", keys: boardKeys(this.#settings, this.#namespace), ends: 0 }] : []),
      ...spans.map(({ period, span }) => this.#planned(period, span)),
    ];
    this.#plan = {
      from: Math.max(firstInstant, ...spans.map(({ span }) => span.from)),
      to: Math.min(never, ...spans.map(({ span }) => span.to)),
      boards,
      main: boards.findIndex(({ period }) => period === (main ?? "")),
      past: spans.flatMap(({ period, span }) => (period.listed ? this.#past(period, span) : [])),
      allowed: false,
    };
    return this.#plan;
  }

  /**
   * The keys of the current period.
   *
   * @param period - its kind.
   * @param now - the server's time.
   * @returns the keys.
   * @throws DefinitionError when a calendar gives no proper periods.
   */
  current(period: PeriodSettings, now: number): BoardKeys {
    return (this.at(now).boards.find((board) => board.period === period.name) as PlannedBoard).keys;
  }

  /**
   * The keys of one period.
   *
   * @param period - its kind.
   * @param span - when it is.
   * @returns the keys.
   */
  keys(period: PeriodSettings, span: Span): BoardKeys {
    return boardKeys(this.#settings, this.#namespace, { name: period.name, from: span.from });
  }

  /**
   * The current period and those before it.
   *
   * @param period - their kind.
   * @param now - the server's time.
   * @param count - how many; fewer where time itself is shorter.
   * @returns spans, the current one first.
   * @throws DefinitionError when the calendar gives no proper periods.
   */
  last(period: PeriodSettings, now: number, count: number): readonly Span[] {
    const spans: Span[] = [];
    let span: Span | undefined = period.calendar(now);
    while (span !== undefined && spans.length < count) {
      spans.push(span);
      span = this.#adjoining(before(period.calendar, span), span.from, "to");
    }
    return spans;
  }

  /**
   * The period that a moment falls into, which must be kept still.
   *
   * @param period - its kind.
   * @param at - the moment.
   * @param now - the server's time.
   * @returns the span.
   * @throws ValidationError when the period is not kept any more, or has not begun.
   * @throws DefinitionError when the calendar gives no proper periods.
   */
  kept(period: PeriodSettings, at: number, now: number): Span {
    const span = period.calendar(at);
    const { name } = this.#settings;
    const shown = `the ${period.name} period of ${new Date(at).toISOString()}`;
    if (span.from > now) throw new ValidationError(`${name}: ${shown} has not begun`, { entity: name });
    const ends = this.#ends(period, span);
    if (ends === 0 || ends > now) return span;
    throw new ValidationError(`${name}: ${shown} is not kept any more; ${period.keep} past ones are`, { entity: name });
  }

  /**
   * Every key of the board: of all time, and of each period that is kept.
   *
   * @param now - the server's time.
   * @returns keys.
   */
  all(now: number): readonly string[] {
    const keys = [boardKeys(this.#settings, this.#namespace)];
    for (const period of this.#settings.periods) {
      keys.push(...this.last(period, now, period.keep + 1).map((span) => this.keys(period, span)));
    }
    return keys.flatMap(({ all, stamp }) => all.concat(stamp));
  }

  #planned(period: PeriodSettings, span: Span): PlannedBoard {
    return { period: period.name, keys: this.keys(period, span), ends: this.#ends(period, span) };
  }

  // As many periods later as are kept; never where it is not known when that is.
  #ends(period: PeriodSettings, span: Span): number {
    let last = span;
    for (let more = period.keep; more > 0; more -= 1) {
      const next = this.#adjoining(after(period.calendar, last), last.to, "from");
      if (next === undefined) return 0;
      last = next;
    }
    return last.to > lastInstant ? 0 : last.to;
  }

  #past(period: PeriodSettings, span: Span): PlannedBoard[] {
    const [, ...past] = this.last(period, span.from, Number.POSITIVE_INFINITY);
    return past.map((each) => this.#planned(period, each)).filter(({ ends }) => ends > 0);
  }

  #adjoining(span: Span | undefined, edge: number, side: keyof Span): Span | undefined {
    if (span === undefined || span[side] === edge) return span;
    const { name } = this.#settings;
    throw new DefinitionError(
      `leaderboard ${name}: the periods of a calendar leave a gap or overlap at ${new Date(edge).toISOString()}; nothing was changed`,
      { entity: name },
    );
  }
}

/**
 * Checks a moment that somebody asks about.
 *
 * @param board - the board's name, for the error.
 * @param at - what was given.
 * @returns epoch milliseconds.
 * @throws ValidationError when it is no valid date from 1970 to 9998.
 */
export function checkedInstant(board: string, at: unknown): number {
  const instant = millisecondsOf(at);
  if (instant >= firstInstant && instant <= lastInstant) return instant;
  throw new ValidationError(`${board}: a moment is a valid date from 1970 to 9998`, { entity: board });
}
