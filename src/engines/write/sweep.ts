// Sweeping by itself: forgetting entities whose time has passed, in slices, without a save that does it on its way.
// And telling how many there are, which no query ever counts.
import { defineScript, type Script, type ScriptCall } from "../../redis/command.ts";
import type { Layout } from "../layout.ts";
import {
  announceFunction,
  checkStamp,
  clock,
  fixedKeys,
  forgetFunction,
  isGrouped,
  KeyNames,
  packFunction,
  prelude,
  reindexFunction,
  sweep,
} from "./lua.ts";
import { checkRights } from "./rights.ts";

/** Entities forgotten per call: what a server works off in a few milliseconds. */
export const sweptPerCall = 200;

/**
 * Generates the script that forgets a slice of what has died.
 * KEYS: the fixed keys, then a document's. ARGV: that document's id.
 * Reply: how many were dead, and how many of them still are listed; `STAMP` and the stamp found; or a forbidden command.
 *
 * @param layout - the layout of a type that notes when its entities die.
 * @returns the script.
 */
export function sweepScript(layout: Layout): Script {
  const expiry = new KeyNames(layout).of(layout.expiry as string);
  const dead = `call('ZCOUNT', ${expiry}, '-inf', '('..plain(now()))`;
  const parts = [
    "#!lua flags=allow-oom",
    prelude(layout, "", "ARGV[1]"),
    checkRights(layout, "true", "return command[1]"),
    checkStamp(layout, "return {'STAMP', stamp or ''}"),
    clock,
    packFunction(layout),
    reindexFunction(layout),
    forgetFunction(layout),
    announceFunction(layout),
    `local dead = ${dead}`,
    sweep(layout, String(sweptPerCall)),
    isGrouped(layout) ? "writeGroups()" : "",
    `return {dead, ${dead}}`,
  ];
  return defineScript("sweep", parts.filter((part) => part !== "").join("\n"));
}

/**
 * The call of a sweep.
 *
 * @param layout - the type's layout.
 * @param script - its script.
 * @returns the call.
 */
export function sweepCall(layout: Layout, script: Script): ScriptCall {
  // Any id will do: the script reads off its key what documents' keys begin with.
  const id = "any";
  return { script, keys: [...fixedKeys(layout), layout.documents + id], args: [id] };
}

/**
 * Lua that counts what has died and is not swept yet, past the writing scripts.
 *
 * @param expiry - Lua expression of the registry of times.
 * @returns an expression.
 */
export function deadLua(expiry: string): string {
  return `(function()
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  return redis.call('ZCOUNT', ${expiry}, '-inf', '('..string.format('%.0f', now))
end)()`;
}

const garbageScript = defineScript("garbage", `#!lua flags=no-writes\nreturn ${deadLua("KEYS[1]")}`);

/**
 * The call that counts what has died and is not swept yet.
 *
 * @param layout - the type's layout.
 * @returns the call; undefined where nothing of the type is listed by its time.
 */
export function garbageCall({ expiry }: Layout): ScriptCall | undefined {
  return expiry === undefined ? undefined : { script: garbageScript, keys: [expiry], args: [] };
}
