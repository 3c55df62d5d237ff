// A board put away under another name: its keys are renamed by one script, which takes no time, whatever they hold.
// Both names lie under one hash tag, as renaming needs it.
import { refuseWithoutRights } from "../engines/write/rights.ts";
import { EntityExistsError, EntityNotFoundError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import { defineScript } from "../redis/command.ts";
import { callOptions } from "../repository/load.ts";
import { observe } from "../repository/observe.ts";
import type { Join } from "./join.ts";
import { type BoardSettings, checkedName, type LeaderboardOptions } from "./options.ts";
import { boardKeys } from "./scripts.ts";
import { type BoardPlace, BoardSender, throwRefusal } from "./sending.ts";
import { Standings } from "./standings.ts";
import type { DatabaseConnection } from "./writing.ts";

// KEYS: the board's, its note last, then in the same order what they become. ARGV: the form of the board.
const archive = defineScript(
  "board.archive",
  `#!lua
local count = #KEYS / 2
${refuseWithoutRights(
  "true",
  ["{'PERSIST', KEYS[1]}", "{'EXISTS', KEYS[1]}", "{'GET', KEYS[count]}", "{'RENAME', KEYS[1], KEYS[count + 1]}"],
  "return { 'NOPERM', command[1] }",
)}
for k = count + 1, #KEYS do
  if redis.call('EXISTS', KEYS[k]) == 1 then return { 'TAKEN' } end
end
local held = redis.call('GET', KEYS[count])
if held and held ~= ARGV[1] then return { 'STAMP', held } end
if redis.call('EXISTS', KEYS[1]) == 0 then return { 'EMPTY' } end
if not held and count > 2 then return { 'STAMP', '' } end
for k = 1, count do
  if redis.call('EXISTS', KEYS[k]) == 1 then
    redis.call('RENAME', KEYS[k], KEYS[count + k])
    redis.call('PERSIST', KEYS[count + k])
  end
end
return 1`,
);

/**
 * Archives a board.
 *
 * @param connection - sends.
 * @param settings - the board.
 * @param place - where it is, or its period.
 * @param join - puts entities to rows; undefined for boards without.
 * @param name - the archive's name.
 * @param options - deadline and signal.
 * @returns what the board was.
 */
export function archiveBoard<O extends LeaderboardOptions>(
  { executor, namespace }: Pick<DatabaseConnection, "executor" | "namespace">,
  settings: BoardSettings,
  place: BoardPlace,
  join: Join | undefined,
  name: string,
  options: CallOptions,
): Promise<Standings<O>> {
  return observe(settings, "archive", undefined, async (note) => {
    const { name: board, colocate = board } = settings;
    const archived = { ...settings, name: checkedName(name), colocate };
    await place.ready?.();
    const from = place.keys();
    const to = boardKeys(archived, namespace);
    const call = {
      script: archive,
      keys: [...from.all, from.stamp, ...to.all, to.stamp],
      args: [settings.stamp],
      operations: from.operations,
    };
    note([call], 1);
    const run = { operation: "archive", write: true, entity: board, ...callOptions(options) };
    const reply = await executor.one(call, run);
    throwRefusal(reply, "archive", () => settings);
    const [word] = Array.isArray(reply) ? (reply as unknown[]) : [];
    if (word === "TAKEN") {
      throw new EntityExistsError(`${board}: there is an archive or board ${name} already; nothing was changed`, {
        entity: board,
        id: name,
      });
    }
    if (word === "EMPTY") {
      throw new EntityNotFoundError(`${board}: it is empty, so there is nothing to archive as ${name}`, {
        entity: board,
        id: name,
      });
    }
    return new Standings<O>(new BoardSender(archived, executor, { keys: () => to }), join);
  });
}
