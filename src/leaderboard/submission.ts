// Scores for several boards in one call.
import { CrossSlotError, ValidationError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { BoardSettings, SubmitResult } from "./options.ts";
import { type BoardConnection, type Share, type ShareReply, writeTogether } from "./writing.ts";

/** A score for a board that is not sent yet; `board.submission` makes it, and `db.submitAll` sends it with others. */
export class BoardSubmission<R = SubmitResult> {
  /** @internal */
  readonly settings: BoardSettings;
  /** @internal */
  readonly connection: BoardConnection;
  /** @internal */
  readonly share: () => Share;
  /** @internal */
  readonly open: (reply: ShareReply) => R;

  /**
   * @internal
   * @param settings - the board.
   * @param connection - whose board it is.
   * @param share - makes what is sent, or throws why not.
   * @param open - makes the result of the reply.
   */
  constructor(
    settings: BoardSettings,
    connection: BoardConnection,
    share: () => Share,
    open: (reply: ShareReply) => R,
  ) {
    this.settings = settings;
    this.connection = connection;
    this.share = share;
    this.open = open;
  }
}

/** What became of submissions, in their order. */
export type SubmissionResults<S extends readonly BoardSubmission<unknown>[]> = {
  -readonly [K in keyof S]: S[K] extends BoardSubmission<infer R> ? R : never;
};

/**
 * Sends submissions in one call.
 *
 * @param connection - sends.
 * @param submissions - for different boards of one slot.
 * @param options - deadline and signal.
 * @returns what became of each.
 */
export async function submitTogether<const S extends readonly BoardSubmission<unknown>[]>(
  connection: BoardConnection,
  submissions: S,
  options: CallOptions,
): Promise<SubmissionResults<S>> {
  const [first] = submissions;
  if (first === undefined) return [] as unknown as SubmissionResults<S>;
  check(connection, submissions);
  const { name } = first.settings;
  const write = { name, operation: "submitAll", kind: "submit", how: "submit" } as const;
  const replies = await writeTogether(connection, write, () => submissions.map((each) => each.share()), options);
  return submissions.map((each, at) => each.open(replies[at] as ShareReply)) as SubmissionResults<S>;
}

function check(connection: BoardConnection, submissions: readonly BoardSubmission<unknown>[]): void {
  const [first] = submissions as readonly [BoardSubmission<unknown>];
  const seen = new Set<string>();
  for (const { settings, connection: own } of submissions) {
    const { name } = settings;
    if (own !== connection) {
      throw new ValidationError(`${name}: the submission is for a board of another database`, { entity: name });
    }
    if (tagOf(settings) !== tagOf(first.settings)) {
      throw new CrossSlotError(
        `leaderboards ${first.settings.name} and ${name} do not share a slot, so one call cannot write both; nothing was sent: ` +
          "give both the same `colocate`",
        { entity: name },
      );
    }
    // Of two scores for one board the second would be checked against what the first one has not written yet.
    const place = `${settings.colocate === undefined ? "" : "in "}${name}`;
    if (seen.has(place)) {
      throw new ValidationError(`${name}: one call submits one score to each board; submitMany takes several`, {
        entity: name,
      });
    }
    seen.add(place);
  }
}

function tagOf({ colocate, name }: BoardSettings): string {
  return colocate ?? name;
}
