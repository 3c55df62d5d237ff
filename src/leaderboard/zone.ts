// The clock on a wall somewhere: what it shows at an instant, and when it first shows a time, across every change of offset.
// By Intl, whose time zones are the runtime's own.

/** The first instant that a zone is asked about: 1970. */
export const firstInstant = 0;
/** The last one, in the year 9998, so that what follows it has four digits for its year too. */
export const lastInstant = Date.UTC(9998, 11, 1);

const hour = 3_600_000;
/** No zone was ever further from UTC than that. */
const furthest = 16 * hour;

/** A time zone. Local times are milliseconds as if the wall clock's date and time were those of UTC. */
export class Zone {
  readonly #format: Intl.DateTimeFormat;
  readonly #utc: boolean;

  /**
   * @param name - an IANA name.
   * @throws RangeError when the runtime knows none of this name.
   */
  constructor(name: string) {
    this.#utc = name === "UTC";
    this.#format = new Intl.DateTimeFormat("en-US-u-ca-iso8601-nu-latn", {
      timeZone: name,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  }

  /**
   * How far the wall clock is ahead of UTC.
   *
   * @param instant - epoch milliseconds.
   * @returns milliseconds; below 0 where it is behind.
   */
  offset(instant: number): number {
    if (this.#utc) return 0;
    const fields: Record<string, number> = {};
    const second = Math.floor(instant / 1000) * 1000;
    for (const { type, value } of this.#format.formatToParts(second)) fields[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour: hours, minute, second: seconds } = fields;
    return Date.UTC(year, month - 1, day, hours, minute, seconds) - second;
  }

  /**
   * What the wall clock shows.
   *
   * @param instant - epoch milliseconds.
   * @returns local time.
   */
  local(instant: number): number {
    return instant + this.offset(instant);
  }

  /**
   * When the wall clock first shows a time, or a later one where it skips this time.
   *
   * @param local - local time.
   * @returns epoch milliseconds.
   */
  first(local: number): number {
    if (this.#utc) return local;
    const [before, after] = [this.offset(local - furthest), this.offset(local + furthest)];
    if (before === after) return local - before;
    const change = this.change(local - furthest, local + furthest);
    if (local - before < change) return local - before;
    return Math.max(change, local - after);
  }

  /**
   * When the offset changes, of which there must be one change.
   *
   * @param from - an instant before it, in epoch milliseconds.
   * @param to - an instant from it on.
   * @returns the first instant of the new offset.
   */
  change(from: number, to: number): number {
    const old = this.offset(from);
    let [low, high] = [Math.floor(from / 1000), Math.ceil(to / 1000)];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.offset(middle * 1000) === old) low = middle;
      else high = middle;
    }
    return high * 1000;
  }
}
