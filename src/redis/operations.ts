// Operation ids: a write that was sent a second time finds the note that the first one left, and does nothing.
// One note per client and place in flight, so that they take as much room as there are writes at once.
import { randomBytes } from "node:crypto";
import { defineScript, type Script, type ScriptCall } from "./command.ts";

/** A write on its way: the place it takes, and which of the writes of this place it is. */
export interface Operation {
  readonly place: string;
  readonly turn: number;
}

interface Place {
  readonly name: string;
  turn: number;
}

/** Gives each write of one client an id of its own. */
export class Operations {
  readonly #client = randomBytes(9).toString("base64url");
  readonly #free: Place[] = [];
  readonly #taken = new Map<Operation, Place>();
  #places = 0;

  /**
   * Begins a write.
   *
   * @returns its id, which nobody else has.
   */
  begin(): Operation {
    const place = this.#free.pop() ?? this.#newPlace();
    place.turn += 1;
    const operation = { place: place.name, turn: place.turn };
    this.#taken.set(operation, place);
    return operation;
  }

  /**
   * Ends a write.
   *
   * @param operation - its id.
   * @param known - whether it is known what became of it. Otherwise it may arrive late, so its place is never used again.
   */
  end(operation: Operation, known: boolean): void {
    const place = this.#taken.get(operation);
    this.#taken.delete(operation);
    if (known && place !== undefined) this.#free.push(place);
  }

  #newPlace(): Place {
    this.#places += 1;
    return { name: `${this.#client}.${this.#places}`, turn: 0 };
  }
}

/** Milliseconds for which a note is kept at most, whatever the deadline. */
const longest = 86_400_000;

const identified = new WeakMap<Script, Script>();

/**
 * A writing call that carries its operation's id.
 *
 * @param call - a call that says where notes of its operations go.
 * @param operation - the id.
 * @param retention - milliseconds for which the reply is noted, so that the same call sent again gets it and does nothing;
 *   0 for no note.
 * @returns the call.
 */
export function identifiedCall(call: ScriptCall, { place, turn }: Operation, retention: number): ScriptCall {
  const { script, keys, args, operations = "" } = call;
  let variant = identified.get(script);
  if (variant === undefined) {
    variant = defineScript(script.name, identifiedLua(script.lua));
    identified.set(script, variant);
  }
  const note = String(Math.min(Math.ceil(retention), longest));
  return { script: variant, keys: [...keys, operations + place], args: [...args, note, String(turn)] };
}

// The script's own text becomes a function, which takes the id as its argument. Rights are asked for before it writes.
function identifiedLua(lua: string): string {
  const [shebang = "", ...body] = lua.split("\n");
  return `${shebang}
local NOTE, TURN, RETENTION = table.remove(KEYS), table.remove(ARGV), table.remove(ARGV)
local noted = RETENTION ~= '0'
if noted then
  if not (redis.acl_check_cmd('GET', NOTE) and redis.acl_check_cmd('SET', NOTE, '0', 'PX', '1')) then
    return redis.error_reply('NOPERM GET or SET of the notes of operations')
  end
  local held = redis.call('GET', NOTE)
  if held and string.sub(held, 1, #TURN + 1) == TURN..' ' then
    return cmsgpack.unpack(string.sub(held, #TURN + 2))
  end
end
local function work(...)
${body.join("\n")}
end
local reply = work(string.match(NOTE, '[^:]*$')..'.'..TURN)
if noted then redis.call('SET', NOTE, TURN..' '..cmsgpack.pack(reply), 'PX', RETENTION) end
return reply`;
}
