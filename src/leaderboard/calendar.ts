// Calendars: which hour, day, week, month or season an instant falls into. Each parts all time, without gap and overlap.
// Hours, days and all that is made of days are those of a time zone's wall clock.
import { DefinitionError } from "../errors.ts";
import { firstInstant, lastInstant, type Zone } from "./zone.ts";

/** A piece of time in epoch milliseconds, of which `to` is no part any more. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Tells the span of an instant. */
export type Calendar = (instant: number) => Span;

/** The end of what has none: what a Date can hold. */
export const never = 8.64e15;

const hour = 3_600_000;
const day = 24 * hour;

/** The days of the week, in the order in which a Date counts them. */
export const weekdays = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"] as const;

/**
 * Hours of the wall clock. A change of the offset ends an hour, so an hour that comes twice is two, and one of which half is skipped
 * is short.
 *
 * @param zone - whose clock.
 * @returns the calendar.
 */
export function hours(zone: Zone): Calendar {
  return (instant) => {
    const offset = zone.offset(instant);
    const from = instant - modulo(instant + offset, hour);
    const to = from + hour;
    return {
      from: zone.offset(from) === offset ? from : zone.change(from, instant),
      to: zone.offset(to - 1) === offset ? to : zone.change(instant, to),
    };
  };
}

/**
 * Days of the wall clock, from the first moment that shows the date or a later one: where the clock is turned back over midnight, the
 * day has begun.
 *
 * @param zone - whose clock.
 * @returns the calendar.
 */
export function days(zone: Zone): Calendar {
  return ofDays(zone, (date) => [date, date + day]);
}

/**
 * Weeks.
 *
 * @param zone - whose clock.
 * @param startsOn - the place of the first day in {@link weekdays}.
 * @returns the calendar.
 */
export function weeks(zone: Zone, startsOn: number): Calendar {
  return ofDays(zone, (date) => {
    const first = date - modulo(new Date(date).getUTCDay() - startsOn, 7) * day;
    return [first, first + 7 * day];
  });
}

/**
 * Months.
 *
 * @param zone - whose clock.
 * @returns the calendar.
 */
export function months(zone: Zone): Calendar {
  return ofDays(zone, (date) => {
    const [year, month] = [new Date(date).getUTCFullYear(), new Date(date).getUTCMonth()];
    return [Date.UTC(year, month), Date.UTC(year, month + 1)];
  });
}

// Dates are midnights in local time. The one that counts is the latest whose first moment has come.
function ofDays(zone: Zone, edges: (date: number) => readonly [number, number]): Calendar {
  return (instant) => {
    const local = zone.local(instant);
    const date = local - modulo(local, day);
    const [from, to] = edges(zone.first(date + day) <= instant ? date + day : date);
    return { from: zone.first(from), to: zone.first(to) };
  };
}

/**
 * Seasons of equal length in days of the wall clock.
 *
 * @param zone - whose clock.
 * @param start - when one of them begins, in epoch milliseconds.
 * @param length - whole days.
 * @returns the calendar.
 */
export function seasonsOf(zone: Zone, start: number, length: number): Calendar {
  const origin = zone.local(start);
  const edge = (season: number): number => (season === 0 ? start : zone.first(origin + season * length * day));
  return (instant) => {
    let season = Math.floor((zone.local(instant) - origin) / (length * day));
    // Where clocks were turned since, wall clocks are off by that.
    while (edge(season) > instant) season -= 1;
    while (edge(season + 1) <= instant) season += 1;
    return { from: edge(season), to: edge(season + 1) };
  };
}

/**
 * Seasons that are listed: one begins at each instant, the last has no end, and all time before the first is one.
 *
 * @param starts - epoch milliseconds, rising.
 * @returns the calendar.
 */
export function seasonsFrom(starts: readonly number[]): Calendar {
  return (instant) => {
    const next = starts.findIndex((start) => start > instant);
    const last = (next === -1 ? starts.length : next) - 1;
    return { from: starts[last] ?? firstInstant, to: next === -1 ? never : (starts[next] as number) };
  };
}

/**
 * A calendar of the user's own, each of whose answers is checked.
 *
 * @param board - whose it is, for errors.
 * @param name - what the period is called.
 * @param given - the user's function.
 * @returns the calendar; it throws DefinitionError where the answer is no span around the instant, or not the same for all of it.
 */
export function ownCalendar(board: string, name: string, given: (at: Date) => unknown): Calendar {
  const fail = (instant: number, problem: string, cause?: unknown): DefinitionError =>
    new DefinitionError(
      `leaderboard ${board}: the calendar of ${name} ${problem}, for ${new Date(instant).toISOString()}; nothing was changed`,
      { entity: board, cause },
    );
  const ask = (instant: number): Span => {
    let answer: unknown;
    try {
      answer = given(new Date(instant));
    } catch (error) {
      throw fail(instant, "throws an error", error);
    }
    const { from, to } = (answer ?? {}) as { readonly from?: unknown; readonly to?: unknown };
    const span = { from: millisecondsOf(from), to: millisecondsOf(to) };
    if (span.from <= instant && instant < span.to) return span;
    throw fail(instant, "gives no { from, to } of valid dates around it, from <= at < to");
  };
  return (instant) => {
    const span = ask(instant);
    for (const edge of [span.from, span.to - 1]) {
      const other = edge < firstInstant || edge > lastInstant ? span : ask(edge);
      if (other.from !== span.from || other.to !== span.to) throw fail(edge, "overlaps itself: two periods hold it");
    }
    return span;
  };
}

/** Spans that are remembered of a calendar: of those that are kept, and of those that came before. */
const mostRemembered = 4096;

/**
 * A calendar that remembers what it told: whoever goes from span to span asks for the same instants again.
 *
 * @param calendar - any.
 * @returns the same.
 */
export function remembered(calendar: Calendar): Calendar {
  const known = new Map<number, Span>();
  return (instant) => {
    const found = known.get(instant) ?? calendar(instant);
    if (known.size >= mostRemembered) known.clear();
    known.set(instant, found);
    return found;
  };
}

/**
 * The span behind another.
 *
 * @param calendar - whose.
 * @param span - a span of it.
 * @returns what follows; undefined behind the last.
 */
export function after(calendar: Calendar, span: Span): Span | undefined {
  return span.to > lastInstant ? undefined : calendar(span.to);
}

/**
 * The span before another.
 *
 * @param calendar - whose.
 * @param span - a span of it.
 * @returns what came before; undefined before the first.
 */
export function before(calendar: Calendar, span: Span): Span | undefined {
  return span.from <= firstInstant ? undefined : calendar(span.from - 1);
}

/**
 * The instant that somebody means.
 *
 * @param value - anything.
 * @returns epoch milliseconds; NaN for what is no date.
 */
export function millisecondsOf(value: unknown): number {
  return value instanceof Date ? value.getTime() : Number.NaN;
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
