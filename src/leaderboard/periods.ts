// What a board is told of its periods: how long each lasts, in which time zone, and how many of the past are kept.
// Checked once, and frozen into calendars.
import type { DefinitionError } from "../errors.ts";
import {
  type Calendar,
  days,
  hours,
  millisecondsOf,
  months,
  ownCalendar,
  remembered,
  seasonsFrom,
  seasonsOf,
  weekdays,
  weeks,
} from "./calendar.ts";
import { firstInstant, lastInstant, Zone } from "./zone.ts";

/** A day of the week. */
export type Weekday = "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday" | "sunday";

/** How long a period's boards are there. */
export interface KeptPeriods {
  /** How many past boards are kept beside the current one, 1 to 1 000; older ones expire by themselves. */
  readonly keep: number;
}

/** Weeks. */
export interface WeeklyPeriods extends KeptPeriods {
  /** Their first day; `monday` when left out. */
  readonly startsOn?: Weekday;
}

/** Seasons that begin at given moments: the last has no end yet, and all time before the first is one. */
export interface ListedSeasons extends KeptPeriods {
  /** When each begins, rising; 1 to 1 000. */
  readonly starts: readonly Date[];
}

/** Seasons of one length. */
export interface EqualSeasons extends KeptPeriods {
  /** When one of them begins. */
  readonly start: Date;
  /** How many days of the time zone each lasts: they begin at the same time of the day, whatever clocks are turned. */
  readonly days: number;
}

/** What a calendar function gives. */
export interface CalendarSpan {
  /** The first moment. */
  readonly from: Date;
  /** The first moment that belongs to it no more. */
  readonly to: Date;
}

/** Periods of a calendar of your own. */
export interface CustomPeriods extends KeptPeriods {
  /** Tells the period that a moment falls into: the same for all its moments, and without gaps from one to the next. */
  readonly calendar: (at: Date) => CalendarSpan;
}

/** The periods that a board keeps scores of, all written by the same call. */
export interface BoardPeriods {
  /** Hours of the wall clock; one that comes twice is two. */
  readonly hourly?: KeptPeriods;
  /** Days from midnight to midnight. */
  readonly daily?: KeptPeriods;
  /** Weeks. */
  readonly weekly?: WeeklyPeriods;
  /** Months. */
  readonly monthly?: KeptPeriods;
  /** Seasons, by a list of beginnings or of one length. */
  readonly season?: ListedSeasons | EqualSeasons;
  /** Periods of your own calendars, by name. */
  readonly custom?: Readonly<Record<string, CustomPeriods>>;
  /** Keeps scores of all time too: what the board's own calls are about. Without it `main` says which period that is. */
  readonly allTime?: boolean;
}

/** One kind of period of a board. */
export interface PeriodSettings {
  readonly name: string;
  readonly keep: number;
  readonly calendar: Calendar;
  /** Its end may not be known while it runs. */
  readonly listed: boolean;
}

const mostKept = 1000;
const mostSeasonDays = 36_500;
const periodName = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const standard = ["hourly", "daily", "weekly", "monthly", "season"] as const;

type Fail = (message: string) => DefinitionError;

/**
 * Checks periods.
 *
 * @param board - the board's name.
 * @param periods - what was given.
 * @param timeZone - an IANA name.
 * @param fail - makes the error.
 * @returns one for each kind of period, the shortest first, those of own calendars last.
 * @throws DefinitionError when one of them makes no sense.
 */
export function periodSettings(
  board: string,
  periods: BoardPeriods,
  timeZone: string,
  fail: Fail,
): readonly PeriodSettings[] {
  const zone = zoneOf(timeZone, fail);
  if (typeof periods !== "object" || periods === null) throw fail("periods are an object");
  const unknown = Object.keys(periods).find(
    (name) => !["custom", "allTime", ...standard].some((known) => known === name),
  );
  if (unknown !== undefined) {
    throw fail(
      `there is no period ${JSON.stringify(unknown)}; take ${standard.join(", ")} or allTime, or put a calendar of your own under custom`,
    );
  }
  const checked = (name: string, given: KeptPeriods, calendar: Calendar): PeriodSettings => {
    const { keep } = given;
    if (!Number.isSafeInteger(keep) || keep < 1 || keep > mostKept) {
      throw fail(`${name} keeps a whole number of past periods from 1 to ${mostKept}, not ${String(keep)}`);
    }
    return Object.freeze({ name, keep, calendar: remembered(calendar), listed: "starts" in given });
  };
  const found: PeriodSettings[] = [];
  const { hourly, daily, weekly, monthly, season, custom } = periods;
  if (hourly !== undefined) found.push(checked("hourly", hourly, hours(zone)));
  if (daily !== undefined) found.push(checked("daily", daily, days(zone)));
  if (weekly !== undefined) {
    const { startsOn = "monday" } = weekly;
    const first = weekdays.indexOf(startsOn);
    if (first === -1) throw fail(`weeks start on one of ${weekdays.join(", ")}, not ${JSON.stringify(startsOn)}`);
    found.push(checked("weekly", weekly, weeks(zone, first)));
  }
  if (monthly !== undefined) found.push(checked("monthly", monthly, months(zone)));
  if (season !== undefined) found.push(checked("season", season, seasons(zone, season, fail)));
  for (const [name, own] of Object.entries(custom ?? {})) {
    if (!periodName.test(name) || ["allTime", "custom", ...standard].includes(name)) {
      throw fail(`${JSON.stringify(name)} is no name for a calendar of your own`);
    }
    if (typeof own?.calendar !== "function")
      throw fail(`${name} needs a calendar, a function that tells the period of a date`);
    found.push(checked(name, own, ownCalendar(board, name, own.calendar)));
  }
  if (found.length === 0) throw fail("periods name none; leave them out for a board of all time");
  return Object.freeze(found);
}

function zoneOf(timeZone: string, fail: Fail): Zone {
  try {
    // Offsets such as +02:00 are no zones: they know of no summer time.
    if (typeof timeZone === "string" && /^[A-Za-z]/.test(timeZone)) return new Zone(timeZone);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw fail(`timeZone is an IANA name such as Europe/Berlin that this runtime knows, not ${JSON.stringify(timeZone)}`);
}

function seasons(zone: Zone, season: ListedSeasons | EqualSeasons, fail: Fail): Calendar {
  const checked = (date: unknown): number => {
    const instant = millisecondsOf(date);
    if (instant > firstInstant && instant < lastInstant) return instant;
    throw fail("a season starts at a valid date after 1970");
  };
  if ("starts" in season) {
    if (!Array.isArray(season.starts) || season.starts.length === 0 || season.starts.length > mostKept) {
      throw fail(`the starts of seasons are a list of 1 to ${mostKept} dates`);
    }
    const starts = season.starts.map(checked);
    if (starts.some((start, at) => at > 0 && start <= (starts[at - 1] as number))) {
      throw fail("each season starts after the one before");
    }
    return seasonsFrom(starts);
  }
  const { start, days: length } = season;
  if (!Number.isSafeInteger(length) || length < 1 || length > mostSeasonDays) {
    throw fail(`a season lasts a whole number of days from 1 to ${mostSeasonDays}, not ${String(length)}`);
  }
  return seasonsOf(zone, checked(start), length);
}
