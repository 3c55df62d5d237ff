// How several boards are written by one call: a board with its periods, and boards that share a slot.
// The client says which periods it takes it to be, the script looks at the server's clock, and who was wrong asks again.
import { DefinitionError, ValidationError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { BlockingConnection } from "../redis/blocking.ts";
import type { ScriptCall } from "../redis/command.ts";
import type { Executor } from "../redis/executor.ts";
import type { ServerClock } from "../redis/server-clock.ts";
import { callOptions } from "../repository/load.ts";
import { observe } from "../repository/observe.ts";
import { mostMembers, mostSubmissions } from "./input.ts";
import type { BoardSettings } from "./options.ts";
import type { PlannedBoard, Plans, WritePlan } from "./plan.ts";
import { throwRefusal } from "./sending.ts";
import { rulesOf, togetherScript, wordsInFront, wordsPerBoard } from "./together.ts";

/** What sends for boards. */
export interface BoardConnection {
  readonly executor: Executor;
  readonly clock: ServerClock;
}

/** What a database gives its boards. */
export interface DatabaseConnection extends BoardConnection {
  /** Put in front of every key. */
  readonly namespace: string;
  /** Opens a connection that may wait. */
  readonly openBlocking: () => BlockingConnection;
}

/** What goes to one board and its periods. */
export interface Share {
  readonly settings: BoardSettings;
  readonly plans: Plans;
  readonly words: readonly (string | number)[];
}

/** What became of it: a reply for each planned board, and which of these is which. */
export interface ShareReply {
  readonly plan: WritePlan;
  readonly replies: readonly unknown[];
}

/** What a call does. */
export interface TogetherWrite {
  /** The board's name, for errors; one of them where there are several. */
  readonly name: string;
  readonly operation: string;
  readonly kind: "submit" | "remove";
  readonly how: "submit" | "increment" | "remove";
  /** Whom it is about, for errors. */
  readonly member?: string | undefined;
}

/** How often the server may say that it is another period there: periods would have to end while the call is on its way. */
const mostTries = 10;

/**
 * Writes boards and all their current periods in one call: all of them, or none.
 *
 * @param connection - sends.
 * @param write - what is done.
 * @param given - makes what goes to each board; what it throws is the call's error.
 * @param options - deadline and signal.
 * @returns what became of each.
 */
export function writeTogether(
  { executor, clock }: BoardConnection,
  write: TogetherWrite,
  given: () => readonly Share[],
  options: CallOptions,
): Promise<readonly ShareReply[]> {
  const { operation, name } = write;
  return observe({ name }, operation, undefined, async (note) => {
    const shares = given();
    const ends = performance.now() + (options.deadline ?? executor.defaultDeadline);
    const timed = shares.some(({ settings }) => settings.periods.length > 0);
    if (timed) await clock.start();
    let now = clock.now().getTime();
    for (let tries = 1; tries <= mostTries; tries += 1) {
      const plans = shares.map(({ plans: each }) => each.at(now));
      const { call, boards } = callOf(write, shares, plans, timed);
      note([call], boards.length);
      const deadline = Math.max(1, ends - performance.now());
      const run = { operation, write: true, entity: name, id: write.member, ...callOptions(options), deadline };
      // eslint-disable-next-line no-await-in-loop -- the next one depends on what the server's clock says
      const reply = await executor.one(call, run);
      const [word, told] = reply as unknown[];
      if (word === "CLOCK") {
        now = Number(told);
        clock.refresh();
        continue;
      }
      throwRefusal(reply, operation, (place) => (boards[place] as Shared).share.settings);
      for (const plan of plans) plan.allowed = true;
      return sharedOut(plans, reply as unknown[]);
    }
    throw new DefinitionError(
      `${name}.${operation}: periods ended ${mostTries} times before the call arrived, so they are too short; nothing was changed`,
      { entity: name },
    );
  });
}

interface Shared {
  readonly share: Share;
  readonly board: PlannedBoard;
}

function callOf(
  { kind, how }: TogetherWrite,
  shares: readonly Share[],
  plans: readonly WritePlan[],
  timed: boolean,
): { readonly call: ScriptCall; readonly boards: readonly Shared[] } {
  const boards = shares.flatMap((share, at) => (plans[at] as WritePlan).boards.map((board) => ({ share, board })));
  const past = plans.flatMap((plan) => (plan.allowed ? [] : plan.past));
  const first = shares[0] as Share;
  const [each, most, what] = kind === "submit" ? [3, mostSubmissions, "scores"] : [1, mostMembers, "members"];
  const writes = boards.reduce((sum, { share }) => sum + share.words.length / each, 0);
  if (writes > most) {
    throw new ValidationError(
      `${first.settings.name}: at most ${most} ${what} at once, counted for every board and period, not ${writes}; send them in parts`,
      { entity: first.settings.name },
    );
  }
  // Boards of equal rules share their part of the script.
  const kinds = new Map<string, { readonly place: number; readonly settings: BoardSettings }>();
  const placeOf = (settings: BoardSettings): number => {
    const known = rulesOf(settings);
    const found = kinds.get(known) ?? { place: kinds.size + 1, settings };
    kinds.set(known, found);
    return found.place;
  };
  let next = wordsInFront + wordsPerBoard * (boards.length + past.length) + 1;
  const places = new Map<Share, readonly [number, number]>();
  for (const share of shares) {
    places.set(share, [next, next + share.words.length - 1]);
    next += share.words.length;
  }
  const keys: string[] = [];
  const words: (string | number)[] = [];
  for (const { share, board } of boards) {
    const [from, to] = places.get(share) as readonly [number, number];
    words.push(placeOf(share.settings), keys.length + 1, from, to, board.ends, board.period);
    keys.push(...board.keys.all, board.keys.stamp);
    if (kind === "submit" && share.settings.events !== undefined) keys.push(board.keys.changes);
  }
  for (const {
    keys: { all, stamp },
    ends,
  } of past) {
    words.push(0, keys.length + 1, 0, all.length + 1, ends, "");
    keys.push(...all, stamp);
  }
  const bounds = [Math.max(...plans.map(({ from }) => from)), Math.min(...plans.map(({ to }) => to))];
  const ask = plans.every(({ allowed }) => allowed) ? 0 : 1;
  const script = togetherScript(
    kind,
    [...kinds.values()].map(({ settings }) => settings),
  );
  const front = [ask, how, ...(timed ? bounds : ["", ""]), boards.length + past.length];
  const args = [...front, ...words, ...shares.flatMap((share) => share.words)].map(String);
  const { operations } = (boards[0] as Shared).board.keys;
  return { call: { script, keys, args, operations }, boards };
}

function sharedOut(plans: readonly WritePlan[], reply: readonly unknown[]): readonly ShareReply[] {
  let next = 0;
  return plans.map((plan) => {
    const replies = reply.slice(next, next + plan.boards.length);
    next += plan.boards.length;
    return { plan, replies };
  });
}
