// Boards over entities: their reads go by the type's stamp, and past whoever has died and is not swept yet.
// A board that the dead still stand on is not read: they are swept first, in slices, and it is asked again.
import { luaString } from "../engines/write/lua.ts";
import { deadLua, sweepCall, sweepScript, sweptPerCall } from "../engines/write/sweep.ts";
import { boardKeys as slotKeys, type BoardSlot, type Layout } from "../engines/layout.ts";
import { stampError } from "../engines/stamp.ts";
import type { CallOptions } from "../query/query.ts";
import {
  defineScript,
  type Reply,
  ReplyFailure,
  type Request,
  type Script,
  type ScriptCall,
} from "../redis/command.ts";
import type { RunOptions } from "../redis/executor.ts";
import { toRemoraError } from "../redis/failures.ts";
import type { BoardHome } from "../repository/board.ts";
import type { TypeContext } from "../repository/context.ts";
import { callOptions } from "../repository/load.ts";
import { type Note, observe } from "../repository/observe.ts";
import { forbidden } from "../repository/save.ts";
import type { BoardMetadata } from "../schema/board.ts";
import { Join } from "./join.ts";
import { entityBoardSettings, type BoardSettings } from "./options.ts";
import { type BoardKeys, type BoardScripts, boardScripts } from "./scripts.ts";
import type { BoardRequests, MakeRequest, ScriptWords } from "./sending.ts";
import { Standings } from "./standings.ts";

/** Slices of the dead that one round trip sweeps at most. */
const mostSlices = 20;

/**
 * Opens a board over the entities of a type.
 *
 * @param board - the board.
 * @param home - its type's repository.
 * @returns the board.
 */
export function openEntityBoard(board: BoardMetadata, home: BoardHome): Standings {
  const source = { findByIds: home.findByIds, loader: () => ({ load: () => Promise.resolve(null) }) };
  return new Standings(new EntityBoardSender(board, home), new Join(home.entity, source));
}

/** Those of the board are known once the type's layout is: every call is given them then. */
const unknownKeys: BoardKeys = { ranking: "", all: [], stamp: "", operations: "", changes: "" };

/** Sends for one board over entities. */
class EntityBoardSender implements BoardRequests {
  readonly settings: BoardSettings;
  readonly scripts: BoardScripts;
  readonly #board: BoardMetadata;
  readonly #home: BoardHome;
  readonly #guarded = new Map<Script, Script>();

  constructor(board: BoardMetadata, home: BoardHome) {
    this.settings = entityBoardSettings(home.entity, board);
    this.scripts = boardScripts(this.settings);
    this.#board = board;
    this.#home = home;
  }

  async read(operation: string, request: MakeRequest, options: CallOptions): Promise<Reply> {
    const context = await this.#home.resolve();
    const { metadata } = context;
    const name = `leaderboard.${operation}`;
    return observe(metadata, name, undefined, (note) => {
      const call = this.#call(context.layout, request(unknownKeys));
      return answered(
        context,
        call,
        { operation: name, write: false, entity: metadata.name, ...callOptions(options) },
        note,
      );
    });
  }

  ask(operation: string, script: Script, args: ScriptWords, options: CallOptions): Promise<Reply> {
    return this.read(operation, () => ({ script, keys: [], args: args().map(String) }), options);
  }

  pinned(): Promise<BoardRequests> {
    return Promise.resolve(this);
  }

  // A command becomes a script as well, so that it is told what the type looks like at that very moment.
  #call(layout: Layout, request: Request): ScriptCall {
    const slot = layout.boards.find(({ board }) => board === this.#board) as BoardSlot;
    const script = "script" in request ? request.script : commandScript;
    const args = "script" in request ? request.args : [request.name, ...wordsOf(request)];
    const guarded = this.#guarded.get(script) ?? guardedScript(layout, script);
    this.#guarded.set(script, guarded);
    const { expiry, meta } = layout;
    return { script: guarded, keys: [...slotKeys(slot), meta, ...(expiry === undefined ? [] : [expiry])], args };
  }
}

function wordsOf(request: Exclude<Request, ScriptCall>): readonly string[] {
  return "args" in request ? (request.args.slice(1) as string[]) : request.rest.words;
}

const commandScript = defineScript(
  "board.command",
  "#!lua flags=no-writes\nreturn redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))",
);

// KEYS: the board's, the type's meta hash, and its registry of times where it has one.
// Reply: 0 and what the script says; or `STAMP` and another stamp; or `DEAD` and how many have to be swept first.
function guardedScript({ stamp, expiry }: Layout, { name, lua }: Script): Script {
  const dead = `local dead = ${deadLua("KEYS[#KEYS]")}
if dead > 0 then return { 'DEAD', dead } end
`;
  return defineScript(
    name,
    `#!lua flags=no-writes
local stamp = redis.call('HGET', KEYS[#KEYS${expiry === undefined ? "" : " - 1"}], 'stamp')
if stamp and stamp ~= ${luaString(stamp)} then return { 'STAMP', stamp } end
${expiry === undefined ? "" : dead}local function answer()
${lua.slice(lua.indexOf("\n") + 1)}
end
return { 0, answer() }`,
  );
}

async function answered(context: TypeContext, call: ScriptCall, run: RunOptions, note: Note): Promise<Reply> {
  const { layout, executor } = context;
  note([call], 0);
  let reply = await executor.one(call, run);
  for (;;) {
    const [word, detail] = reply as [number | string, Reply];
    if (word === "STAMP") throw stampError(layout, String(detail));
    if (word !== "DEAD") return detail;
    const slices = Math.min(mostSlices, Math.ceil(Number(detail) / sweptPerCall));
    const sweep = sweepCall(layout, sweepScript(layout));
    const requests = [...Array.from({ length: slices }, () => sweep), call];
    note(requests, 0);
    // eslint-disable-next-line no-await-in-loop -- more may have died meanwhile
    const replies = await executor.many(requests, { ...run, write: true });
    for (const each of replies) {
      if (each instanceof ReplyFailure) throw toRemoraError(each.error, run);
      // What the user may not run, or another stamp, which the last one tells of as well.
      if (typeof each === "string") throw forbidden(context, each);
    }
    reply = replies.at(-1);
  }
}
