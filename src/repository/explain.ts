// Explaining a query: its words, the plan, what the indexes say about each condition, and what really happens.
// Estimates are asked of the indexes; documents are read only where the query is to be analyzed.
import type { Answer, Step } from "../engines/engine.ts";
import { type Engine, isStep, noAnswer } from "../engines/engine.ts";
import { describeCondition, describeQuery } from "../query/describe.ts";
import { everything, type QueryNode } from "../query/node.ts";
import { describeProfile, type ServerProfile } from "../query/profile.ts";
import type { ActualCall, ActualCost, ConditionEstimate, Explanation, ExplainOptions } from "../query/query.ts";
import { type Request, requestName, requestWords } from "../redis/command.ts";
import type { TypeContext } from "./context.ts";
import type { Ask } from "./keyset.ts";

/** How many entities come when no limit is given. */
export const defaultCeiling = 10_000;

/** How a query is run, for its figures. */
type Run = (ask: Ask) => Promise<number>;

/**
 * Explains a query.
 *
 * @param context - the entity type.
 * @param query - the query.
 * @param options - whether to run it.
 * @param ask - runs the steps of a query.
 * @param run - runs the query by way of such a function, and tells how many entities came.
 * @param described - how it would be answered, where the engine itself does not say so.
 * @returns the explanation.
 */
export async function explained(
  { engine, metadata }: TypeContext,
  query: QueryNode,
  options: ExplainOptions,
  ask: Ask,
  run: Run,
  described?: ReturnType<Engine["describe"]>,
): Promise<Explanation> {
  const { plan, all, requests, roundTrips } =
    described ?? engine.describe({ ...query, limit: query.limit ?? defaultCeiling }, "rows");
  const rows = describeCondition(query.where, query.metadata);
  const estimateOf = async (where: QueryNode["where"]): Promise<number | null> => {
    const { count } = await ask(engine.estimate({ metadata, where, orderBy: [], limit: undefined, offset: 0 }));
    return count < 0 ? null : count;
  };
  const conditions = await Promise.all(
    rows.map(async ({ depth, condition, comparison }): Promise<ConditionEstimate> => {
      const estimate = comparison === undefined ? null : await estimateOf(comparison);
      return { depth, condition, estimate };
    }),
  );
  const entities = (await estimateOf(everything)) ?? 0;
  const sorting = [
    ...(all === true
      ? [
          `goes over all ${entities} entities, as far as the limit needs: no index narrows the query`,
          ...(query.fullScan === true || engine.name !== "scan"
            ? []
            : ["beyond 10,000 of them only with allowFullScan()"]),
        ]
      : []),
    ...(query.near === undefined ? [] : ["look in circles that grow, then sort by distance here"]),
    ...(query.relevance === true ? ["count how rare each word is, then sort by relevance here"] : []),
  ];
  const whole = {
    engine: engine.name,
    query: describeQuery(query),
    plan: [...plan, ...sorting],
    entities,
    conditions,
    commands: requests.map(requestWords),
    roundTrips,
  };
  const actual = options.analyze === true ? await analyzed(engine, ask, run) : undefined;
  const explanation = actual === undefined ? whole : { ...whole, actual };
  return { ...explanation, text: textOf(explanation) };
}

/** A round trip, and what was sent in it. */
interface TimedCall extends ActualCall {
  readonly requests: readonly Request[];
}

async function analyzed(engine: Engine, ask: Ask, run: Run): Promise<ActualCost> {
  const calls: TimedCall[] = [];
  const started = performance.now();
  const rows = await run((step) => ask(timed(step, calls)));
  const milliseconds = performance.now() - started;
  return { rows, milliseconds, roundTrips: calls.length, ...(await profiledCalls(engine, calls, ask)) };
}

// The clock of a round trip runs from its step being made to its replies being read.
function timed(step: Step, calls: TimedCall[]): Step {
  const { requests } = step;
  const started = performance.now();
  return {
    ...step,
    read(replies) {
      if (requests.length > 0) {
        const commands = requests.map(requestName);
        const counted = commands.length > 1 ? `${commands.length} × ` : "";
        calls.push({ command: `${counted}${commands[0]}`, milliseconds: performance.now() - started, requests });
      }
      const outcome: Answer | Step = step.read(replies);
      return isStep(outcome) ? timed(outcome, calls) : outcome;
    },
  };
}

// The server is asked once the query is through, so that no time of a round trip has its profiling in it.
async function profiledCalls(
  { profiling }: Engine,
  calls: readonly TimedCall[],
  ask: Ask,
): Promise<Pick<ActualCost, "calls" | "unprofiled">> {
  const asked = calls.flatMap((call) =>
    call.requests.flatMap((request) => {
      const found = profiling?.(request);
      return found === undefined ? [] : [{ ...found, call }];
    }),
  );
  const told = new Map<ActualCall, ServerProfile[]>();
  let unprofiled: string | undefined;
  const read = (replies: readonly unknown[]): Answer => {
    for (const [at, { call, read: profilesOf }] of asked.entries()) {
      const profiles = profilesOf(replies[at]);
      if (typeof profiles === "string") unprofiled ??= profiles;
      else told.set(call, [...(told.get(call) ?? []), ...profiles]);
    }
    return noAnswer;
  };
  if (asked.length > 0) await ask({ requests: asked.map(({ request }) => request), read });
  return {
    calls: calls.map((call) => {
      const { command, milliseconds } = call;
      const profiles = told.get(call);
      return { command, milliseconds, ...(profiles === undefined ? {} : { profiles }) };
    }),
    ...(unprofiled === undefined ? {} : { unprofiled }),
  };
}

function textOf(explanation: Omit<Explanation, "text">): string {
  const { engine, query, plan, entities, conditions, roundTrips, actual } = explanation;
  const tree = conditions.map(({ depth, condition, estimate }) => {
    const about = estimate === null ? "" : `  (about ${estimate})`;
    return `${"  ".repeat(depth + 1)}${condition}${about}`;
  });
  const happened =
    actual === undefined
      ? []
      : [
          `actual: ${actual.rows} rows in ${actual.milliseconds.toFixed(2)} ms, ${times(actual.roundTrips)}`,
          ...actual.calls.flatMap(({ command, milliseconds, profiles = [] }) => [
            `  ${command}  ${milliseconds.toFixed(2)} ms`,
            ...profiles.flatMap(describeProfile).map((line) => `    ${line}`),
          ]),
          ...(actual.unprofiled === undefined ? [] : [`  the server gave no profile: ${actual.unprofiled}`]),
        ];
  return [
    query,
    `${engine} engine, ${entities} entities, ${times(roundTrips)}`,
    "conditions",
    ...tree,
    "plan",
    ...plan.map((line) => `  ${line}`),
    ...happened,
  ].join("\n");
}

function times(roundTrips: number): string {
  return `${roundTrips} round trip${roundTrips === 1 ? "" : "s"}`;
}
