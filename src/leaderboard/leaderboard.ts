// A leaderboard: scores come in by one script call each, to the board and all its periods.
// Input is checked before anything is sent.
import { QueryError, ValidationError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { WatchOptions } from "../repository/watch.ts";
import { archiveBoard } from "./archive.ts";
import { type BoardChange, watchBoard } from "./events.ts";
import { Join } from "./join.ts";
import { BoardInput, mostSubmissions, removedAtOnce } from "./input.ts";
import {
  type BoardSettings,
  boardSettings,
  type LeaderboardOptions,
  type PeriodName,
  type Submission,
  type SubmitArguments,
  type SubmitResult,
  type SubmitResultOf,
} from "./options.ts";
import { currentPlace, PeriodStandings } from "./period-standings.ts";
import { Plans } from "./plan.ts";
import { resultOf } from "./ranking.ts";
import { type BoardKeys, boardKeys } from "./scripts.ts";
import { type BoardPlace, BoardSender } from "./sending.ts";
import { Standings } from "./standings.ts";
import { BoardSubmission } from "./submission.ts";
import { type DatabaseConnection, type Share, type ShareReply, writeTogether } from "./writing.ts";

/** A board of members ranked by their scores; made by `db.leaderboard`. */
export class Leaderboard<O extends LeaderboardOptions = LeaderboardOptions> extends Standings<O> {
  readonly #settings: BoardSettings;
  readonly #join: Join | undefined;
  readonly #keys: BoardKeys;
  readonly #connection: DatabaseConnection;
  readonly #place: BoardPlace;
  readonly #sender: BoardSender;
  readonly #plans: Plans;
  readonly #input: BoardInput;
  readonly #noScores: Readonly<Record<string, number>>;

  /**
   * @internal
   * @param name - the board's name.
   * @param options - how it ranks.
   * @param connection - sends.
   */
  constructor(name: string, options: O, connection: DatabaseConnection) {
    const settings = boardSettings(name, options);
    const keys = boardKeys(settings, connection.namespace);
    const plans = new Plans(settings, connection.namespace);
    const main = settings.periods.find((period) => period.name === settings.main);
    const place: BoardPlace = main === undefined ? { keys: () => keys } : currentPlace(plans, main, connection.clock);
    const sender = new BoardSender(settings, connection.executor, place);
    const join = options.join === undefined ? undefined : new Join(name, options.join);
    super(sender, join);
    this.#join = join;
    this.#settings = settings;
    this.#keys = keys;
    this.#connection = connection;
    this.#place = place;
    this.#sender = sender;
    this.#plans = plans;
    this.#input = new BoardInput(settings);
    this.#noScores = Object.fromEntries(settings.scores.map((score) => [score.name, 0]));
  }

  /**
   * Submits a score; whether it counts is decided by `keep`. One round trip (EVALSHA).
   *
   * @param member - who has it: 1 to 512 bytes of text.
   * @param score - a finite number; whole ones up to 2^53 - 1.
   * @param args - options: `scores` on a board with sub-scores, deadline in milliseconds, and signal.
   * @returns the score that counts, and the ranks now and before.
   * @throws ValidationError when member or score are refused, or a sum would leave the range; nothing was changed.
   * @throws DefinitionError when the board is stored for other options; nothing was changed.
   */
  async submit(member: string, score: number, ...args: SubmitArguments<O>): Promise<SubmitResultOf<O>> {
    const [options = {}] = args as [(CallOptions & { readonly scores?: unknown })?];
    const entry = { member, score, scores: options.scores };
    const [result] = await this.#submit("submit", () => this.#input.words(entry), options, member);
    return result as SubmitResultOf<O>;
  }

  /**
   * Submits many scores, one after the other as they are given, in one call: all of them, or none. One round trip (EVALSHA).
   *
   * @param entries - up to 150 members and scores, counted for every period.
   * @param options - deadline in milliseconds, and signal.
   * @returns what became of each, in order.
   * @throws ValidationError when one of them is refused, or a sum would leave the range; nothing was changed.
   * @throws DefinitionError when the board is stored for other options; nothing was changed.
   */
  async submitMany(entries: readonly Submission<O>[], options: CallOptions = {}): Promise<SubmitResultOf<O>[]> {
    if (entries.length === 0) return [];
    const words = (): readonly (string | number)[] => {
      this.#input.atMost(entries.length, mostSubmissions, "scores");
      return entries.flatMap((entry) => this.#input.words(entry));
    };
    return this.#submit("submitMany", words, options);
  }

  /**
   * Makes a submission of a score, which `db.submitAll` sends together with those for other boards.
   *
   * @param member - who has it: 1 to 512 bytes of text.
   * @param score - a finite number; whole ones up to 2^53 - 1.
   * @param args - `scores` on a board with sub-scores.
   * @returns what is to be sent; what is wrong with it is told then.
   */
  submission(member: string, score: number, ...args: SubmitArguments<O>): BoardSubmission<SubmitResultOf<O>> {
    const [options] = args as [{ readonly scores?: unknown }?];
    const share = (): Share => this.#share(this.#input.words({ member, score, scores: options?.scores }));
    return new BoardSubmission(this.#settings, this.#connection, share, (reply) => {
      const [result] = resultsWithPeriods(this.#settings, reply);
      return result as SubmitResultOf<O>;
    });
  }

  /**
   * Adds to a member's score, which is 0 for a new one, whatever `keep` says. One round trip (EVALSHA).
   *
   * @param member - the member.
   * @param by - a finite number of points.
   * @param options - deadline in milliseconds, and signal.
   * @returns the new score, and the ranks now and before.
   * @throws ValidationError when member or points are refused, or the sum would leave the range; nothing was changed.
   * @throws DefinitionError when the board is stored for other options; nothing was changed.
   */
  async increment(member: string, by = 1, options: CallOptions = {}): Promise<SubmitResultOf<O>> {
    const entry = { member, score: by, scores: this.#noScores };
    const [result] = await this.#submit("increment", () => this.#input.words(entry), options, member);
    return result as SubmitResultOf<O>;
  }

  /**
   * Takes points from a member's score, whatever `keep` says. One round trip (EVALSHA).
   *
   * @param member - the member.
   * @param by - a finite number of points.
   * @param options - deadline in milliseconds, and signal.
   * @returns the new score, and the ranks now and before.
   * @throws ValidationError when member or points are refused, or the difference would leave the range; nothing was changed.
   * @throws DefinitionError when the board is stored for other options; nothing was changed.
   */
  decrement(member: string, by = 1, options: CallOptions = {}): Promise<SubmitResultOf<O>> {
    return this.increment(member, typeof by === "number" ? -by : by, options);
  }

  /**
   * Takes members off the board and its current periods. One round trip (EVALSHA); more than 250 go in several scripts, so that
   * others are served between them.
   *
   * @param members - one member, or up to 5 000.
   * @param options - deadline in milliseconds, and signal.
   * @returns how many were on it; of a board with periods, on the main one.
   * @throws DefinitionError when the board is stored for other options; nothing was changed.
   */
  async remove(members: string | readonly string[], options: CallOptions = {}): Promise<number> {
    const list = typeof members === "string" ? [members] : members;
    if (list.length === 0) return 0;
    const counts = await this.#input.inSlices(list, removedAtOnce, (words) => this.#remove(words, options));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /**
   * Takes everybody off the board whose score is in a range; of a board with periods, off the main one. One round trip (EVALSHA)
   * for each 250 members, in which others are served between them, and one more; who gets such a score meanwhile goes too.
   *
   * @param low - the lowest score that goes.
   * @param high - the highest score that goes.
   * @param options - deadline of each round trip in milliseconds, and signal.
   * @returns how many went.
   * @throws ValidationError when a bound is refused; nothing was changed.
   * @throws DefinitionError when the board is stored for other options; nothing was changed.
   */
  async removeBetween(low: number, high: number, options: CallOptions = {}): Promise<number> {
    return this.#cut("removeBetween", () => ["between", ...this.#input.bounds(low, high)], options);
  }

  /**
   * Keeps only the best; of a board with periods, on the main one. One round trip (EVALSHA) for each 250 members that go, in which
   * others are served between them, and one more. A board with a `limit` does so by itself.
   *
   * @param count - how many stay, from 1.
   * @param options - deadline of each round trip in milliseconds, and signal.
   * @returns how many went.
   * @throws ValidationError when the count is refused; nothing was changed.
   * @throws DefinitionError when the board is stored for other options; nothing was changed.
   */
  async trim(count: number, options: CallOptions = {}): Promise<number> {
    return this.#cut("trim", () => ["trim", this.#input.whole(count, 1, Number.MAX_SAFE_INTEGER, "count")], options);
  }

  /**
   * Empties the board, and all periods that are kept; it may then be opened with other options. One round trip (UNLINK).
   *
   * @param options - deadline in milliseconds, and signal.
   */
  async clear(options: CallOptions = {}): Promise<void> {
    const { clock } = this.#connection;
    if (this.#settings.periods.length > 0) await clock.start();
    await this.#sender.clear(this.#plans.all(clock.now().getTime()), options);
  }

  /**
   * Opens one of the board's periods, for reading.
   *
   * @param name - what `periods` calls it.
   * @returns the standings of the period that it is at each question, by the server's clock; `at` gives past ones.
   * @throws ValidationError when the board has no such period.
   *
   * @example
   * ```ts
   * import { connect } from "remora";
   *
   * const db = await connect("redis://localhost:6379", { namespace: "game" });
   * const arena = db.leaderboard("arena", { periods: { weekly: { keep: 8 }, allTime: true }, timeZone: "Europe/Berlin" });
   * await arena.submit("ada", 420);
   * await arena.period("weekly").top(10); // of this week
   * await db.close();
   * ```
   */
  period(name: PeriodName<O>): PeriodStandings<O> {
    const period = this.#settings.periods.find((each) => each.name === name);
    if (period !== undefined)
      return new PeriodStandings(this.#settings, this.#plans, this.#connection, this.#join, period);
    const known = this.#settings.periods.map((each) => each.name).join(", ");
    throw new ValidationError(
      `${this.name}: there is no period ${JSON.stringify(name)}; ${known === "" ? "the board has none" : `there are ${known}`}`,
      { entity: this.name },
    );
  }

  /**
   * Puts the main board away under another name, and leaves it empty: its keys are renamed, so it takes no time, however many
   * members there are. `db.leaderboard(archive, { …, colocate: board })` opens the archive, of which `board` is this board's name or
   * what it is colocated with. One round trip (EVALSHA).
   *
   * @param archive - the archive's name.
   * @param options - deadline in milliseconds, and signal.
   * @returns what the board was.
   * @throws EntityExistsError when there is a board of this name; nothing was changed.
   * @throws EntityNotFoundError when this board is empty; nothing was changed.
   * @throws DefinitionError when the name is none, or the board is stored for other options; nothing was changed.
   */
  archive(archive: string, options: CallOptions = {}): Promise<Standings<O>> {
    return archiveBoard<O>(this.#connection, this.#settings, this.#place, this.#join, archive, options);
  }

  /**
   * Tells as they come which ranks changed, on the board and in its periods, by scores that were submitted. Over a connection of its
   * own (XREAD, or XREADGROUP and XACK).
   *
   * @param options - a group to share the changes with, where to begin, and a signal that ends it.
   * @returns changes, one by one, for ever.
   * @throws QueryError when the board has no `events`, or an option makes no sense.
   * @throws InvalidCursorError when the stream no longer holds the position to begin behind.
   */
  watch(options: WatchOptions = {}): AsyncGenerator<BoardChange<O>, void, undefined> {
    if (this.#settings.events === undefined) {
      throw new QueryError(`${this.name}: watch needs \`events: true\` in the options`, { entity: this.name });
    }
    return watchBoard<O>(this.#settings, this.#keys.changes, this.#connection.openBlocking, options);
  }

  async #submit(
    operation: "submit" | "submitMany" | "increment",
    words: () => readonly (string | number)[],
    options: CallOptions,
    member?: string,
  ): Promise<SubmitResultOf<O>[]> {
    const how = operation === "increment" ? operation : "submit";
    if (!this.#together) {
      const { scripts } = this.#sender;
      const reply = await this.#sender.write(operation, scripts.submit, () => [how, ...words()], options, member);
      return resultsOf(this.#settings, reply) as SubmitResultOf<O>[];
    }
    const write = { name: this.name, operation, kind: "submit", how, member } as const;
    const [shared] = await writeTogether(this.#connection, write, () => [this.#share(words())], options);
    return resultsWithPeriods(this.#settings, shared as ShareReply) as SubmitResultOf<O>[];
  }

  async #remove(words: () => string[], options: CallOptions): Promise<number> {
    if (!this.#together) {
      return Number(await this.#sender.write("remove", this.#sender.scripts.remove, words, options));
    }
    const write = { name: this.name, operation: "remove", kind: "remove", how: "remove" } as const;
    const [shared] = await writeTogether(this.#connection, write, () => [this.#share(words())], options);
    const { plan, replies } = shared as ShareReply;
    return Number(replies[plan.main]);
  }

  async #cut(operation: string, words: () => readonly (string | number)[], options: CallOptions): Promise<number> {
    const { clock } = this.#connection;
    if (this.#settings.main !== undefined) await clock.start();
    const sender = await this.#sender.pinned();
    for (let removed = 0; ;) {
      const slice = (): readonly (string | number)[] => [...words(), removedAtOnce];
      // eslint-disable-next-line no-await-in-loop -- others are served between slices
      const count = Number(await sender.write(operation, sender.scripts.cut, slice, options));
      removed += count;
      if (count < removedAtOnce) return removed;
    }
  }

  /** One call writes more than this board. */
  get #together(): boolean {
    return this.#settings.periods.length > 0 || this.#settings.events !== undefined;
  }

  #share(words: readonly (string | number)[]): Share {
    return { settings: this.#settings, plans: this.#plans, words };
  }
}

// Score, rank, rank before, and whether it is better.
function resultsOf({ top }: BoardSettings, reply: unknown): SubmitResult<number | null>[] {
  return (reply as readonly (readonly unknown[])[]).map(([score, rank, previous, improved]) => {
    const [now = null, before = null] = [rank, previous].map((each) => (each === null ? null : Number(each)));
    return resultOf(Number(score), now, before, improved === 1, top);
  });
}

function resultsWithPeriods(settings: BoardSettings, { plan, replies }: ShareReply): object[] {
  const boards = replies.map((reply) => resultsOf(settings, reply));
  const mains = boards[plan.main] as SubmitResult<number | null>[];
  if (settings.periods.length === 0) return mains;
  return mains.map((result, at) => {
    const periods = plan.boards.flatMap(({ period }, place) => (period === "" ? [] : [[period, boards[place]?.[at]]]));
    return Object.assign({ periods: Object.fromEntries(periods) as object }, result);
  });
}
