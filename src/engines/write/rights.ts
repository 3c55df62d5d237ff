// What a writing script must be allowed to do, asked before its first write.
// A command that turned out to be forbidden halfway would leave a document without its index entries.
import type { Layout } from "../layout.ts";
import { boardRights } from "./board.ts";
import { fenceKeyLua } from "./fence.ts";
import { KeyNames, ownedLua } from "./lua.ts";

/**
 * Lua that refuses the call when the caller lacks a right that saving or deleting needs.
 *
 * @param layout - the type's layout.
 * @param asked - Lua expression: whether to look at all; a process that wrote once need not ask again.
 * @param refuse - Lua that answers the call, given `command`, a list that begins with the forbidden command.
 * @param more - commands needed beside those, as Lua lists.
 * @returns statements.
 */
export function checkRights(layout: Layout, asked: string, refuse: string, more: readonly string[] = []): string {
  return refuseWithoutRights(asked, [...neededCommands(layout), ...more], refuse);
}

/**
 * Lua that refuses the call when the caller lacks one of some rights.
 *
 * @param asked - Lua expression: whether to look at all.
 * @param commands - the commands, as Lua lists.
 * @param refuse - Lua that answers the call, given `command`, a list that begins with the forbidden command.
 * @returns statements.
 */
export function refuseWithoutRights(asked: string, commands: readonly string[], refuse: string): string {
  return `if ${asked} then
  for _, command in ipairs({${commands.join(", ")}}) do
    if not redis.acl_check_cmd(unpack(command)) then ${refuse} end
  end
end`;
}

function neededCommands(layout: Layout): string[] {
  const names = new KeyNames(layout);
  const { metadata, ids, expiry, snapshot, slots, absent, uniques, compounds } = layout;
  const document = `KEYS[${names.count + 1}]`;
  const needed = [command("EXISTS", document), command("UNLINK", document), command("HSET", "KEYS[1]", "'f'", "'v'")];
  if (metadata.storage === "hash") {
    needed.push(command("HSET", document, "'f'", "'v'"), command("HDEL", document, "'f'"));
    if (metadata.version !== undefined) needed.push(command("HGET", document, "'f'"));
  } else if (metadata.storage === "string") {
    needed.push(command("SET", document, "'v'"), command("GET", document));
  } else {
    needed.push(command("JSON.SET", document, "'$'", "'0'"), command("JSON.GET", document));
    needed.push(command("JSON.NUMINCRBY", document, "'$'", "'0'"));
  }
  if (metadata.ttl !== undefined) {
    needed.push("{'TIME'}", command("PEXPIREAT", document, "'1'"));
    needed.push(command("PERSIST", document), command("PEXPIRETIME", document));
  }
  needed.push(command("TYPE", document));
  if (expiry !== undefined) needed.push(command("ZRANGE", names.of(expiry), "'0'", "'0'"));
  const sorted = [ids, expiry, ...absent.map((slot) => slot.key)];
  sorted.push(...slots.filter((slot) => slot.kind === "scores" || slot.kind === "lex").map((slot) => slot.key));
  for (const key of sorted) if (key !== undefined) needed.push(...addAndRemove("Z", names.of(key)));
  for (const { key, absentKey } of compounds) {
    for (const each of absentKey === undefined ? [key] : [key, absentKey]) {
      needed.push(...addAndRemove("Z", `${names.derived(each)}..'x'`));
    }
  }
  for (const slot of slots) {
    if (slot.kind === "terms" || slot.kind === "grams") {
      const set = `${names.derived(slot.key)}..'x'`;
      needed.push(...addAndRemove("S", set));
      if (slot.vocabulary !== undefined) {
        needed.push(...addAndRemove("Z", names.of(slot.vocabulary)), command("EXISTS", set));
      }
    }
    if (slot.kind === "vectors") {
      needed.push(command("VADD", names.of(slot.key), "'VALUES'", "'1'", "'1'", "'x'"));
      needed.push(command("VREM", names.of(slot.key), "'x'"));
      if (metadata.storage === "hash") needed.push(command("HGET", document, "'f'"));
    }
    if (slot.kind === "geo") {
      needed.push(
        command("GEOADD", names.of(slot.key), "'0'", "'0'", "'x'"),
        command("ZREM", names.of(slot.key), "'x'"),
      );
    }
  }
  needed.push(...boardRights(layout, (key) => names.of(key)));
  if (layout.fence !== undefined) {
    const key = fenceKeyLua(layout, "'x'");
    needed.push(command("GET", key), command("SET", key, "'v'"));
  }
  for (const key of ownedLua(layout, "'x'")) needed.push(command("UNLINK", key));
  if (layout.changes !== undefined) needed.push(command("XADD", names.of(layout.changes), "'*'", "'f'", "'v'"));
  for (const key of [snapshot, ...uniques.map((slot) => slot.key)]) {
    if (key === undefined) continue;
    needed.push(command("HGET", names.of(key), "'f'"), command("HMGET", names.of(key), "'f'"));
    needed.push(command("HSET", names.of(key), "'f'", "'v'"), command("HDEL", names.of(key), "'f'"));
  }
  return needed;
}

function command(name: string, ...args: string[]): string {
  return `{'${name}', ${args.join(", ")}}`;
}

function addAndRemove(family: "S" | "Z", key: string): string[] {
  const add = family === "Z" ? command("ZADD", key, "'0'", "'x'") : command("SADD", key, "'x'");
  return [add, command(`${family}REM`, key, "'x'")];
}
