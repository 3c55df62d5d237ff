// The standings of one kind of a board's periods: the current one, a past one, and a member's way through them.
import type { CallOptions } from "../query/query.ts";
import type { ScriptCall } from "../redis/command.ts";
import type { ServerClock } from "../redis/server-clock.ts";
import { callOptions } from "../repository/load.ts";
import { observe } from "../repository/observe.ts";
import { archiveBoard } from "./archive.ts";
import type { Span } from "./calendar.ts";
import type { Join } from "./join.ts";
import { BoardInput } from "./input.ts";
import type { BoardRow, BoardSettings, LeaderboardOptions } from "./options.ts";
import type { CalendarSpan, PeriodSettings } from "./periods.ts";
import { checkedInstant, type Plans } from "./plan.ts";
import { rowOf } from "./ranking.ts";
import { type BoardPlace, BoardSender, throwRefusal } from "./sending.ts";
import { Standings } from "./standings.ts";
import { togetherScript, wordsInFront, wordsPerBoard } from "./together.ts";
import type { DatabaseConnection } from "./writing.ts";

/** How a member stood in one period. */
export interface PastRow<O extends LeaderboardOptions = LeaderboardOptions> extends CalendarSpan {
  /** The member's row; null when it was not on that board. */
  readonly row: BoardRow<O> | null;
}

/** The standings of a period: of the current one at each question, or of one in the past. */
export class PeriodStandings<O extends LeaderboardOptions = LeaderboardOptions> extends Standings<O> {
  readonly #settings: BoardSettings;
  readonly #plans: Plans;
  readonly #connection: DatabaseConnection;
  readonly #join: Join | undefined;
  readonly #period: PeriodSettings;
  readonly #at: number | undefined;
  readonly #place: BoardPlace;
  readonly #input: BoardInput;

  /**
   * @internal
   * @param settings - the board.
   * @param plans - which keys are whose.
   * @param connection - sends.
   * @param join - puts entities to rows; undefined for boards without.
   * @param period - which kind of period.
   * @param at - a moment in it; the current period when left out.
   */
  constructor(
    settings: BoardSettings,
    plans: Plans,
    connection: DatabaseConnection,
    join: Join | undefined,
    period: PeriodSettings,
    at?: number,
  ) {
    const { clock, executor } = connection;
    const place = at === undefined ? currentPlace(plans, period, clock) : pastPlace(plans, period, clock, at);
    super(new BoardSender(settings, executor, place), join);
    this.#join = join;
    this.#settings = settings;
    this.#plans = plans;
    this.#connection = connection;
    this.#period = period;
    this.#at = at;
    this.#place = place;
    this.#input = new BoardInput(settings);
  }

  /**
   * The standings of the period that a moment falls into.
   *
   * @param moment - from 1970 on; its period must have begun when it is read, and be kept still.
   * @returns the standings, whose questions fail with a ValidationError otherwise.
   * @throws ValidationError when the date is none.
   */
  at(moment: Date): PeriodStandings<O> {
    const at = checkedInstant(this.name, moment);
    return new PeriodStandings<O>(this.#settings, this.#plans, this.#connection, this.#join, this.#period, at);
  }

  /**
   * Tells from when to when the period is. No round trip, but three the first time (TIME).
   *
   * @returns its first moment, and the first that belongs to it no more.
   */
  async span(): Promise<CalendarSpan> {
    const [span] = await this.#spans(1);
    return datesOf(span as Span);
  }

  /**
   * Tells how a member stood in this period and in those before it. One round trip (EVALSHA_RO); on a joined board one more.
   *
   * @param member - the member.
   * @param count - how many periods: as many as are kept at most, and the current one.
   * @param options - deadline in milliseconds, and signal.
   * @returns a row for each period, this one first; null where the member has none.
   * @throws ValidationError when not so many are kept.
   */
  history(member: string, count: number, options: CallOptions = {}): Promise<PastRow<O>[]> {
    return observe(this.#settings, "history", undefined, async (note) => {
      const checked = this.#input.member(member);
      const spans = await this.#spans(this.#input.whole(count, 1, this.#period.keep + 1, "count"));
      const call = this.#historyCall(checked, spans);
      note([call], 0);
      const run = { operation: "history", write: false, entity: this.name, ...callOptions(options) };
      const reply = await this.#connection.executor.one(call, run);
      throwRefusal(reply, "history", () => this.#settings);
      const rows = (reply as [[string, string, number] | null][]).map(
        ([found]) => found && rowOf(this.#settings, { text: found[0], score: Number(found[1]) }, found[2]),
      );
      const complete = (await this.#join?.complete(rows, options)) ?? rows;
      return complete.map((row, at) => {
        const { from, to } = datesOf(spans[at] as Span);
        return { from, to, row: row as BoardRow<O> | null };
      });
    });
  }

  /**
   * Puts the period's board away under another name, for good: its keys are renamed, so it takes no time, however many members there
   * are. `db.leaderboard(archive, { …, colocate: board })` opens the archive, of which `board` is the board's name or what it is
   * colocated with. One round trip (EVALSHA).
   *
   * @param archive - the archive's name.
   * @param options - deadline in milliseconds, and signal.
   * @returns what the period was.
   * @throws EntityExistsError when there is a board of this name; nothing was changed.
   * @throws EntityNotFoundError when nobody has a score in the period; nothing was changed.
   * @throws DefinitionError when the name is none, or the board is stored for other options; nothing was changed.
   */
  archive(archive: string, options: CallOptions = {}): Promise<Standings<O>> {
    return archiveBoard<O>(this.#connection, this.#settings, this.#place, this.#join, archive, options);
  }

  async #spans(count: number): Promise<readonly Span[]> {
    const { clock } = this.#connection;
    await clock.start();
    const now = clock.now().getTime();
    const spans = this.#plans.last(this.#period, this.#at ?? now, count);
    if (this.#at !== undefined) this.#plans.kept(this.#period, (spans.at(-1) as Span).from, now);
    return spans;
  }

  #historyCall(member: string, spans: readonly Span[]): ScriptCall {
    const keys: string[] = [];
    const words: (string | number)[] = [];
    const place = wordsInFront + wordsPerBoard * spans.length + 1;
    for (const span of spans) {
      const { all, stamp } = this.#plans.keys(this.#period, span);
      words.push(1, keys.length + 1, place, place, 0, "");
      keys.push(...all, stamp);
    }
    const args = [0, "history", "", "", spans.length, ...words, member].map(String);
    return { script: togetherScript("history", [this.#settings]), keys, args };
  }
}

/**
 * Where the current period of a kind is.
 *
 * @param plans - which keys are whose.
 * @param period - which kind.
 * @param clock - the server's.
 * @returns the place.
 */
export function currentPlace(plans: Plans, period: PeriodSettings, clock: ServerClock): BoardPlace {
  const now = (): number => clock.now().getTime();
  return {
    keys: () => plans.current(period, now()),
    ready: () => clock.start(),
    pinned: async () => {
      await clock.start();
      return pastPlace(plans, period, clock, now());
    },
  };
}

function pastPlace(plans: Plans, period: PeriodSettings, clock: ServerClock, at: number): BoardPlace {
  return {
    keys: () => plans.keys(period, plans.kept(period, at, clock.now().getTime())),
    ready: () => clock.start(),
  };
}

function datesOf({ from, to }: Span): CalendarSpan {
  return { from: new Date(from), to: new Date(to) };
}
