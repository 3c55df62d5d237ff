// Periods part all time: days of 23 and of 25 hours, hours that come twice, days that a zone never had.
// Against a model that knows nothing but what a wall clock shows, minute by minute.
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { BoardPeriods, ErrorCode, LeaderboardOptions } from "remora";
import {
  after,
  before,
  type Calendar,
  days,
  hours,
  months,
  seasonsFrom,
  seasonsOf,
  weekdays,
  weeks,
} from "../../src/leaderboard/calendar.ts";
import { boardSettings } from "../../src/leaderboard/options.ts";
import { Plans } from "../../src/leaderboard/plan.ts";
import { Zone } from "../../src/leaderboard/zone.ts";
import { runs, seed } from "../property/seed.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

// Zones, and the weeks around changes of their clocks.
const changes: readonly (readonly [zone: string, ...at: string[]])[] = [
  ["Europe/Berlin", "2026-03-29T01:00Z", "2026-10-25T01:00Z"],
  ["America/New_York", "2026-03-08T07:00Z", "2026-11-01T06:00Z"],
  ["Australia/Lord_Howe", "2026-04-04T15:00Z", "2026-10-03T15:30Z"],
  ["Pacific/Apia", "2011-12-30T10:00Z", "2011-09-24T14:00Z"],
  // At midnight: days begin at one o'clock, and end twice at midnight.
  ["America/Sao_Paulo", "2018-11-04T03:00Z", "2018-02-18T02:00Z"],
  // A minute past midnight, back to the day before.
  ["America/St_Johns", "2006-10-29T02:31Z", "2006-04-02T03:31Z"],
  ["Asia/Kathmandu", "1985-12-31T18:30Z"],
  ["Africa/Monrovia", "1972-01-07T00:44:30Z"],
  ["UTC", "2028-02-29T00:00Z"],
];

const shown = new Map<string, Intl.DateTimeFormat>();

/** What the wall clock shows, as text that sorts by time: `2026-10-25 02:00`. */
function wall(zone: string, instant: number): string {
  const format =
    shown.get(zone) ?? new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  shown.set(zone, format);
  return format.format(instant);
}

/** The day of the week of a date in text. */
const weekdayOf = (date: string): number => new Date(`${date}T00:00Z`).getUTCDay();

const mondayOf = (date: string): string => {
  const back = (weekdayOf(date) + 6) % 7;
  return new Date(Date.parse(`${date}T00:00Z`) - back * day).toISOString().slice(0, 10);
};

/** What the wall clock shows from one instant to another, step by step. */
function shownFrom(zone: string, from: number, to: number): readonly (readonly [at: number, wall: string])[] {
  const step = zone === "Africa/Monrovia" ? minute / 2 : minute;
  return Array.from({ length: (to - from) / step }, (_, at) => [from + at * step, wall(zone, from + at * step)]);
}

/** Where the model's periods begin: where the label of the latest date so far is another one. */
function edges(shows: ReturnType<typeof shownFrom>, from: number, label: (date: string) => string): number[] {
  const found: number[] = [];
  let latest = "";
  let current: string | undefined;
  for (const [at, text] of shows) {
    const date = text.slice(0, 10);
    if (date > latest) latest = date;
    const name = label(latest);
    if (current !== undefined && name !== current && at >= from) found.push(at);
    current = name;
  }
  return found;
}

function walked(calendar: Calendar, from: number, to: number): number[] {
  const found: number[] = [];
  let { to: edge } = calendar(from - 1);
  while (edge < to) {
    found.push(edge);
    ({ to: edge } = calendar(edge));
  }
  return found;
}

const iso = (instants: readonly number[]): string[] => instants.map((each) => new Date(each).toISOString());

const cases = changes.flatMap(([zone, ...at]) => at.map((each) => [zone, each] as const));

describe("periods around changes of clocks", () => {
  test.each(cases)("%s at %s", (name, change) => {
    const zone = new Zone(name);
    const [from, to] = [Date.parse(change) - 3 * day, Date.parse(change) + 3 * day];
    const shows = shownFrom(name, from - 2 * day, to);
    expect(iso(walked(days(zone), from, to))).toEqual(iso(edges(shows, from, (date) => date)));
    expect(iso(walked(weeks(zone, 1), from, to))).toEqual(iso(edges(shows, from, mondayOf)));
    expect(iso(walked(months(zone), from, to))).toEqual(iso(edges(shows, from, (date) => date.slice(0, 7))));
    // An hour is over when the clock shows another one, or jumps.
    const local = (text: string): number => Date.parse(`${text.replace(" ", "T")}Z`);
    const expected = shows.flatMap(([at, text], place) => {
      const [old, was] = shows[place - 1] ?? [at, text];
      const next = text.slice(0, 13) !== was.slice(0, 13) || local(text) - local(was) !== at - old;
      return at >= from && next ? [at] : [];
    });
    expect(iso(walked(hours(zone), from, to))).toEqual(iso(expected));
  });

  test("are as long as they are", () => {
    const berlin = days(new Zone("Europe/Berlin"));
    const length = (calendar: Calendar, at: string): number => {
      const { from, to } = calendar(Date.parse(at));
      return (to - from) / hour;
    };
    expect(length(berlin, "2026-03-29T12:00Z")).toBe(23);
    expect(length(berlin, "2026-10-25T12:00Z")).toBe(25);
    const apia = new Zone("Pacific/Apia");
    expect(iso(Object.values(days(apia)(Date.parse("2011-12-30T12:00Z"))))).toEqual([
      "2011-12-30T10:00:00.000Z",
      "2011-12-31T10:00:00.000Z",
    ]);
    // The week that would begin on the day that never was.
    expect(iso(Object.values(weeks(apia, 5)(Date.parse("2011-12-30T12:00Z"))))).toEqual([
      "2011-12-30T10:00:00.000Z",
      "2012-01-05T10:00:00.000Z",
    ]);
    expect(length(hours(new Zone("Australia/Lord_Howe")), "2026-04-04T15:10Z")).toBe(0.5);
    const utc = new Zone("UTC");
    expect(length(months(utc), "2028-02-29T23:59:59.999Z")).toBe(29 * 24);
    expect(length(months(utc), "2027-02-10T00:00Z")).toBe(28 * 24);
    expect(length(months(utc), "2100-02-10T00:00Z")).toBe(28 * 24);
  });

  test.each(weekdays)("weeks start on %s", (name) => {
    const zone = new Zone("America/New_York");
    const { from } = weeks(zone, weekdays.indexOf(name))(Date.parse("2026-11-03T12:00Z"));
    expect(new Date(zone.local(from)).toUTCString().slice(0, 3).toLowerCase()).toBe(name.slice(0, 3));
  });

  test("seasons of one length begin at one time of the day", () => {
    const zone = new Zone("Europe/Berlin");
    const calendar = seasonsOf(zone, Date.parse("2026-01-01T17:00Z"), 100);
    const starts = walked(calendar, Date.parse("2025-01-01T00:00Z"), Date.parse("2028-01-01T00:00Z"));
    expect(new Set(starts.map((start) => wall("Europe/Berlin", start).slice(11)))).toEqual(new Set(["18:00:00"]));
    expect(starts).toContain(Date.parse("2026-01-01T17:00Z"));
  });

  test("listed seasons have one before them, and a last one without end", () => {
    const [first, second] = [Date.UTC(2026, 0, 1), Date.UTC(2026, 6, 1)];
    const calendar = seasonsFrom([first, second]);
    expect(calendar(first - 1)).toEqual({ from: 0, to: first });
    expect(calendar(first)).toEqual({ from: first, to: second });
    expect(calendar(second)).toEqual({ from: second, to: 8.64e15 });
    expect(after(calendar, calendar(second))).toBeUndefined();
    expect(before(calendar, calendar(0))).toBeUndefined();
  });
});

test("any instants of any zone and calendar: one period each, whose neighbours begin and end where it does", () => {
  const zones = Intl.supportedValuesOf("timeZone").concat("UTC");
  const kinds: ((zone: Zone) => Calendar)[] = [
    hours,
    days,
    (zone) => weeks(zone, 0),
    (zone) => weeks(zone, 5),
    months,
    (zone) => seasonsOf(zone, Date.UTC(2026, 2, 29, 1), 7),
  ];
  const anywhere = fc.integer({ min: 40 * day, max: Date.UTC(2100, 0) });
  const nearChanges = fc
    .tuple(fc.constantFrom(...cases), fc.integer({ min: -3 * day, max: 3 * day }))
    .map(([[, at], off]) => Date.parse(at) + off);
  const property = fc.property(
    fc.constantFrom(...zones),
    fc.nat({ max: kinds.length - 1 }),
    fc.array(fc.oneof(anywhere, nearChanges), { minLength: 1, maxLength: 4 }),
    (name, kind, instants) => {
      const zone = new Zone(name);
      const calendar = (kinds[kind] as (typeof kinds)[0])(zone);
      const spans = instants.map((instant) => {
        const span = calendar(instant);
        expect(span.from <= instant && instant < span.to).toBe(true);
        // The same for all its instants, and next to the ones around it.
        for (const inside of [span.from, span.to - 1, Math.floor((span.from + span.to) / 2)]) {
          expect(calendar(inside)).toEqual(span);
        }
        expect(calendar(span.to).from).toBe(span.to);
        expect(calendar(span.from - 1).to).toBe(span.from);
        return span;
      });
      // Two are the same, or have no instant in common, and then other names.
      for (const one of spans) {
        for (const other of spans) {
          if (one.from === other.from) expect(one).toEqual(other);
          else expect(one.to <= other.from || other.to <= one.from).toBe(true);
        }
      }
    },
  );
  fc.assert(property, { seed, numRuns: runs(300) });
});

test("keys of periods are told apart, and those of each kind", () => {
  const periods = { hourly: { keep: 1 }, daily: { keep: 1 }, weekly: { keep: 1 }, monthly: { keep: 1 }, allTime: true };
  const seen = new Map<string, string>();
  const property = fc.property(
    fc.constantFrom("UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"),
    fc.integer({ min: Date.UTC(2006, 9, 1), max: Date.UTC(2006, 10, 30) }),
    (timeZone, instant) => {
      const plan = new Plans(boardSettings("a", { periods, timeZone }), "").at(instant);
      expect(plan.from <= instant && instant < plan.to).toBe(true);
      for (const { period, keys, ends } of plan.boards) {
        const settings = boardSettings("a", { periods, timeZone });
        const kind = settings.periods.find(({ name }) => name === period);
        const span = kind?.calendar(instant);
        const shown = JSON.stringify([period, span?.from]);
        expect(seen.get(keys.ranking) ?? shown).toBe(shown);
        seen.set(keys.ranking, shown);
        expect(ends).toBe(kind === undefined ? 0 : kind.calendar(span?.to as number).to);
      }
      expect(new Set(plan.boards.map(({ keys }) => keys.ranking)).size).toBe(5);
    },
  );
  fc.assert(property, { seed, numRuns: runs(300) });
  expect(seen.size).toBeGreaterThan(200);
});

describe("what makes no sense is refused", () => {
  const calendar = (): { from: Date; to: Date } => ({ from: new Date(0), to: new Date(1) });
  const daily = { daily: { keep: 1 }, allTime: true };
  test.each<[unknown, unknown?]>([
    [{ periods: {} }],
    [{ periods: null }],
    [{ periods: { allTime: true } }],
    [{ periods: { dayly: { keep: 1 }, allTime: true } }],
    [{ periods: { yearly: { keep: 1 }, allTime: true } }],
    [{ periods: { daily: { keep: 1 }, allTime: 1 } }],
    [{ periods: { daily: { keep: 1 } } }],
    [{ periods: { daily: { keep: 1 } }, main: "weekly" }],
    [{ periods: daily, main: "daily" }],
    ...[0, -1, 1.5, 1001, Number.NaN, "3", undefined].map(
      (keep) => [{ periods: { daily: { keep }, allTime: true } }] as [unknown],
    ),
    ...["Nowhere/City", "", "+02:00", 5, null, "Europe/Berlin "].map(
      (timeZone) => [{ periods: daily, timeZone }] as [unknown],
    ),
    [{ timeZone: "UTC" }],
    [{ main: "daily" }],
    [{ periods: { weekly: { keep: 1, startsOn: "mon" }, allTime: true } }],
    ...[[], "x", [new Date(Number.NaN)], [new Date(2), new Date(2)], [new Date(3), new Date(2)], [5]].map(
      (starts) => [{ periods: { season: { keep: 1, starts }, allTime: true } }] as [unknown],
    ),
    ...[0, -1, 1.5, Number.NaN].map(
      (length) => [{ periods: { season: { keep: 1, start: new Date(5), days: length }, allTime: true } }] as [unknown],
    ),
    [{ periods: { season: { keep: 1, start: new Date(Number.NaN), days: 1 }, allTime: true } }],
    [{ periods: { custom: {}, allTime: true } }],
    [{ periods: { custom: { x: { keep: 1 } }, allTime: true } }],
    [{ periods: { custom: { x: null }, allTime: true } }],
    [{ periods: { custom: { daily: { keep: 1, calendar } }, allTime: true } }],
    [{ periods: { custom: { "a b": { keep: 1, calendar } }, allTime: true } }],
    [{ periods: { custom: { "a@b": { keep: 1, calendar } }, allTime: true } }],
    [{ colocate: "{a}" }],
    [{ colocate: "" }],
    [{ events: { maxLength: 0 } }],
    [{ events: true, top: 101 }],
  ])("%j", (options) => {
    expect(() => boardSettings("a", options as LeaderboardOptions)).toThrow(
      expect.objectContaining({ code: "DEFINITION" satisfies ErrorCode }),
    );
  });

  const bad: readonly [string, (at: Date) => unknown][] = [
    ["nothing", () => undefined],
    ["an empty object", () => ({})],
    ["no dates", () => ({ from: 0, to: 5e12 })],
    ["invalid dates", () => ({ from: new Date(0), to: new Date(Number.NaN) })],
    ["an empty period", (at) => ({ from: at, to: at })],
    ["another time", (at) => ({ from: new Date(at.getTime() + 1), to: new Date(at.getTime() + 2) })],
    ["periods that overlap", (at) => ({ from: new Date(at.getTime() - hour), to: new Date(at.getTime() + hour) })],
    [
      "longer periods behind",
      (at) =>
        at.getTime() < Date.UTC(2026, 5)
          ? { from: new Date(0), to: new Date(Date.UTC(2026, 5)) }
          : { from: new Date(5), to: new Date(8e15) },
    ],
    [
      "an error",
      () => {
        throw new RangeError("no such quarter");
      },
    ],
  ];
  test.each(bad)("a calendar that gives %s", (_name, own) => {
    const periods = { custom: { own: { keep: 1, calendar: own } }, allTime: true } as BoardPeriods;
    const plans = new Plans(boardSettings("a", { periods }), "");
    expect(() => plans.at(Date.UTC(2026, 1))).toThrow(expect.objectContaining({ code: "DEFINITION" }));
  });
});
