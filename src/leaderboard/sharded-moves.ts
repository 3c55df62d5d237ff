// The writes of a board in shards: decided where the member's entry lies, followed by the rankings, then settled.
// What was decided and did not get through is finished by the member's next submission, or by repair.
import { CapabilityError, OutcomeUnknownError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { Reply, Script } from "../redis/command.ts";
import type { Executor } from "../redis/executor.ts";
import { partitionOf } from "../schema/partitions.ts";
import { type BoardKeys, boardKeys } from "./scripts.ts";
import { BoardSender, type MakeRequest } from "./sending.ts";
import type { ShardedSettings } from "./sharded-options.ts";
import { shardKeys, type ShardScripts, shardScripts } from "./sharded-scripts.ts";

/** What a part of the directory decided, or holds. */
interface Decision {
  readonly version: string;
  /** The shard of the member's place; undefined when it is not on the board. */
  readonly shard: number | undefined;
  readonly score: string;
  readonly tie: string;
  /** Shards that may hold an older place. */
  readonly stale: readonly number[];
}

/** What a submission came to. */
export interface Moved {
  readonly score: number;
  readonly rank: number;
  readonly previousRank: number | null;
  readonly improved: boolean;
}

/** A member's entry in the directory. */
export interface Entry {
  readonly member: string;
  readonly shard: number;
  readonly score: number;
  /** What the ranking holds. */
  readonly text: string;
}

/** One shard's reply to a place put or dropped. */
interface Followed {
  readonly previous: number | null;
  readonly before: number;
  readonly after: number;
  readonly rank: number | null;
}

const repairedAtOnce = 100;
const none = "-";

/** The shards of one board, and what moves members between them. */
export class Shards {
  readonly settings: ShardedSettings;
  readonly scripts: ShardScripts;
  /** The keys of each shard's ranking. */
  readonly keys: readonly BoardKeys[];
  readonly senders: readonly BoardSender[];
  /** Milliseconds for calls that name no deadline. */
  readonly #deadline: number;

  /**
   * @param settings - the board.
   * @param executor - sends.
   * @param namespace - put in front of every key.
   */
  constructor(settings: ShardedSettings, executor: Executor, namespace: string) {
    const { board, edges } = settings;
    this.settings = settings;
    this.scripts = shardScripts(settings);
    this.#deadline = executor.defaultDeadline;
    // Each under a hash tag of its own.
    this.keys = Array.from({ length: edges.length + 1 }, (_, at) =>
      boardKeys({ ...board, name: `${board.name}.${at}` }, namespace),
    );
    this.senders = this.keys.map((keys) => new BoardSender(board, executor, { keys: () => keys }));
  }

  /** The shards that hold better scores than one, and how many of their members or different scores count for ranks. */
  async counts(operation: string, options: CallOptions, key: "members" | "ranks"): Promise<number[]> {
    const dense = key === "ranks" && this.settings.board.ties === "dense";
    const replies = this.senders.map((sender) => {
      const command: MakeRequest = ({ all, ranking }) => ({
        name: "ZCARD",
        args: [dense ? (all.at(-2) as string) : ranking],
      });
      return sender.read(operation, command, options);
    });
    return (await Promise.all(replies)).map(Number);
  }

  /** Adds up what stands in the shards of better scores. */
  ahead(counts: readonly number[], shard: number): number {
    const better = this.settings.board.order === "desc" ? counts.slice(shard + 1) : counts.slice(0, shard);
    return better.reduce((sum, count) => sum + count, 0);
  }

  /** The part of the directory that knows a member. */
  home(member: string): BoardSender {
    return this.senders[partitionOf(member, this.senders.length)] as BoardSender;
  }

  /** Looks members up; null for those that are not on the board. One round trip. */
  async entries(operation: string, members: readonly string[], options: CallOptions): Promise<(Entry | null)[]> {
    const homes = new Map<BoardSender, number[]>();
    for (const [at, member] of members.entries()) {
      const home = this.home(member);
      const own = homes.get(home);
      if (own === undefined) homes.set(home, [at]);
      else own.push(at);
    }
    const found: (Entry | null)[] = [];
    const ask = async ([home, own]: [BoardSender, number[]]): Promise<void> => {
      const named = own.map((at) => members[at] as string);
      const command: MakeRequest = (keys) => ({ name: "HMGET", args: [shardKeys(keys).entries, ...named] });
      const texts = (await home.read(operation, command, options)) as (string | null)[];
      for (const [place, at] of own.entries()) found[at] = this.#entry(members[at] as string, texts[place] ?? null);
    };
    await Promise.all([...homes].map(ask));
    return found;
  }

  #entry(member: string, text: string | null): Entry | null {
    const [, shard, score, tie] = text?.split(" ") ?? [];
    if (shard === undefined || shard === none) return null;
    return { member, shard: Number(shard), score: Number(score), text: tie === none ? member : `${tie}${member}` };
  }

  /**
   * Decides about a member, and sees it through.
   *
   * @param operation - its name.
   * @param how - what is done.
   * @param member - the member.
   * @param score - points, as text.
   * @param options - deadline and signal.
   * @returns what it came to; null for one that is not on the board afterwards and was not before, or was taken off it.
   */
  async move(
    operation: string,
    how: "submit" | "increment" | "remove",
    member: string,
    score: string,
    options: CallOptions,
  ): Promise<{ readonly moved: Moved | null; readonly was: boolean }> {
    const end = performance.now() + (options.deadline ?? this.#deadline);
    const words = [how, member, score];
    const reply = (await this.#write(
      operation,
      this.home(member),
      this.scripts.decide,
      words,
      options,
      member,
    )) as unknown[];
    const decision = decisionOf(reply as string[]);
    const [old, improved, unsettled] = reply.slice(5) as [string, number, number];
    const was = old !== none;
    const left = (): CallOptions => ({ ...options, deadline: Math.max(1, end - performance.now()) });
    if (unsettled === 0) {
      if (decision.shard === undefined) return { moved: null, was };
      const rank = await this.#rank(operation, member, decision, decision.shard, left());
      return { moved: { score: Number(decision.score), rank, previousRank: rank, improved: false }, was };
    }
    try {
      const ranks = await this.#follow(operation, member, decision, was ? Number(old) : undefined, left);
      if (decision.shard === undefined) return { moved: null, was };
      return { moved: { score: Number(decision.score), ...ranks, improved: improved === 1 }, was };
    } catch (error) {
      if (error instanceof CapabilityError) throw error;
      const { name } = this.settings.board;
      throw new OutcomeUnknownError(
        `${name}.${operation}: it counts, but the ranking may not show it yet (${(error as Error).message}); ` +
          "the member's next submission or repair() finishes it",
        { entity: name, id: member, cause: error },
      );
    }
  }

  /**
   * Finishes what was decided and did not get through.
   *
   * @param options - deadline of each round trip, and signal.
   * @returns how many members' places were looked after.
   */
  async repair(options: CallOptions): Promise<number> {
    const counts = await Promise.all(this.senders.map((sender) => this.#repairPart(sender, options)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async #repairPart(sender: BoardSender, options: CallOptions): Promise<number> {
    let newest = "";
    for (let repaired = 0; ;) {
      const words = [newest, String(repairedAtOnce)];
      // eslint-disable-next-line no-await-in-loop -- each slice is settled before the next is asked for
      const reply = await this.#write("repair", sender, this.scripts.unsettled, words, options);
      const [bound, rows] = reply as [string, string[][]];
      newest = bound;
      // eslint-disable-next-line no-await-in-loop
      await Promise.all(
        rows.map(([member = "", ...decision]) =>
          this.#follow("repair", member, decisionOf(decision), undefined, () => options),
        ),
      );
      repaired += rows.length;
      if (rows.length < repairedAtOnce) return repaired;
    }
  }

  // Puts the place where it belongs and drops older ones, in one go; then notes that nothing is left to do.
  async #follow(
    operation: string,
    member: string,
    decision: Decision,
    old: number | undefined,
    options: () => CallOptions,
  ): Promise<Pick<Moved, "rank" | "previousRank">> {
    const { version, shard, score, tie, stale } = decision;
    const { put, drop } = this.scripts;
    const send = async (at: number, script: Script, words: readonly string[]): Promise<Followed | undefined> => {
      const reply = await this.#write(operation, this.senders[at] as BoardSender, script, words, options(), member);
      const [previous, before, after, rank] = reply as [number | string | null, number, number, number?];
      return previous === "LATE"
        ? undefined
        : { previous: previous as number | null, before, after, rank: rank ?? null };
    };
    const dropped = new Map<number, Promise<Followed | undefined>>();
    const placed = shard === undefined ? undefined : send(shard, put, [member, version, score, tie]);
    for (const at of stale) dropped.set(at, send(at, drop, [member, version]));
    const counted = shard === undefined ? [] : this.counts(operation, options(), "ranks");
    const [counts, place, ...others] = await Promise.all([counted, placed, ...dropped.values()]);
    if (shard !== undefined && place === undefined) return this.#renew(operation, member, options);
    await this.#write(operation, this.home(member), this.scripts.settle, [member, version], options(), member);
    if (shard === undefined || place === undefined) return { rank: 0, previousRank: null };
    // As it was before all of this, and as it is after it; what others do meanwhile is in some of the counts.
    const [before, after] = [[...counts], [...counts]];
    for (const [at, shown] of [[shard, place] as const, ...stale.map((each, turn) => [each, others[turn]] as const)]) {
      if (shown === undefined) continue;
      before[at] = shown.before;
      after[at] = shown.after;
    }
    const left = old === undefined ? undefined : old === shard ? place : await dropped.get(old);
    const previous = left?.previous ?? null;
    return {
      rank: this.ahead(after, shard) + (place.rank ?? 0),
      previousRank: previous === null || old === undefined ? null : this.ahead(before, old) + previous,
    };
  }

  // It took so long that what was put might be refused for good; decided again, it is new.
  async #renew(
    operation: string,
    member: string,
    options: () => CallOptions,
  ): Promise<Pick<Moved, "rank" | "previousRank">> {
    const reply = await this.#write(
      operation,
      this.home(member),
      this.scripts.decide,
      ["renew", member, "0"],
      options(),
    );
    const decision = decisionOf(reply as string[]);
    const { shard } = decision;
    if (shard === undefined) return { rank: 0, previousRank: null };
    const words = [member, decision.version, decision.score, decision.tie];
    const sender = this.senders[shard] as BoardSender;
    const [late] = (await this.#write(operation, sender, this.scripts.put, words, options())) as [unknown];
    if (late === "LATE") {
      const { name } = this.settings.board;
      throw new CapabilityError(
        `${name}.${operation}: the clocks of two nodes differ by more than five minutes, so that what is new looks old; set them right`,
        { entity: name, id: member },
      );
    }
    return this.#follow(operation, member, decision, undefined, options);
  }

  async #rank(
    operation: string,
    member: string,
    decision: Decision,
    shard: number,
    options: CallOptions,
  ): Promise<number> {
    const { score, tie } = decision;
    const text = tie === none ? member : `${tie}${member}`;
    const entry = { member, shard, score: Number(score), text };
    const [[standing], counts] = await Promise.all([
      this.standing(operation, shard, [entry], options),
      this.counts(operation, options, "ranks"),
    ]);
    return this.ahead(counts, shard) + (standing?.[1] ?? 0) + 1;
  }

  /** How many stand before members in their shard, how many ranks, and how many with better scores. */
  async standing(
    operation: string,
    shard: number,
    entries: readonly Entry[],
    options: CallOptions,
  ): Promise<[place: number, rank: number, ahead: number][]> {
    const words = entries.flatMap(({ score, text }) => [score, text]);
    const sender = this.senders[shard] as BoardSender;
    const reply = await sender.ask(operation, this.scripts.standing, () => words, options);
    return reply as [number, number, number][];
  }

  #write(
    operation: string,
    sender: BoardSender,
    script: Script,
    words: readonly string[],
    options: CallOptions,
    member?: string,
  ): Promise<Reply> {
    const { beside } = shardKeys(this.keys[this.senders.indexOf(sender)] as BoardKeys);
    return sender.write(operation, script, () => words, options, member, beside);
  }
}

function decisionOf([version = "", shard = none, score = "0", tie = none, stale = none]: readonly string[]): Decision {
  return {
    version,
    shard: shard === none ? undefined : Number(shard),
    score,
    tie,
    stale: stale === none ? [] : stale.split(",").map(Number),
  };
}
