// The users of docs/acl.md, made from the page's own text, do everything the page says and nothing beside it.
// On every server of the matrix; the search and JSON additions where the server has them.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";

import {
  connect,
  type Database,
  defineEntity,
  exact,
  inc,
  ownedCounter,
  ownedList,
  ownedSet,
  ownedSortedSet,
  push,
  range,
  text,
  type Repository,
  type Storage,
  vector,
} from "../../src/index.ts";
import { OwnNamespace } from "../../examples/demo/namespace.ts";
import { type AvailableLeg, describeLegs } from "../setup/legs.ts";
import { fenced, pages, root } from "./blocks.ts";

const rules = fenced("docs/acl.md", "redis").map(({ code }) => code.trim().split(/\s+/));
const [
  basic = [],
  fields = [],
  json = [],
  texts = [],
  changes = [],
  owning = [],
  boards = [],
  notes = [],
  search = [],
  vectors = [],
  deploy = [],
  deployJson = [],
  deployTexts = [],
  deployVectors = [],
  deploySearch = [],
] = rules;
const page = readFileSync(join(root, "docs/acl.md"), "utf8");
const [, reading = ""] = /only read needs `([^`]+)`/.exec(page) ?? [];
const [, readingBoards = ""] = /only reads boards needs `([^`]+)`/.exec(page) ?? [];

const ticketSchema = z.object({
  id: z.string(),
  title: z.string(),
  price: z.number().nullable(),
  tags: z.array(z.string()),
  serial: z.bigint(),
  seat: z.string(),
  version: z.int(),
  at: z.array(z.number()).optional(),
});

function ticketOf(name: string, storage: Storage) {
  return defineEntity({
    name,
    storage,
    schema: ticketSchema,
    index: {
      title: [exact({ sortable: true }), text()],
      price: range(),
      tags: exact(),
      serial: range(),
      at: vector({ dim: 2 }),
    },
    unique: { seat: ["seat"] },
    compound: { priced: { eq: ["title"], orderBy: "price" } },
    version: "version",
    ttl: { seconds: 600, onUpdate: "clear" },
  });
}

// Another definition of the same type: nothing in its indexes is where it was.
function changed(name: string, storage: Storage) {
  return defineEntity({
    name,
    storage,
    schema: ticketSchema,
    index: { seat: exact(), price: range(), title: exact({ caseInsensitive: true }) },
    unique: { title: ["title"] },
    version: "version",
    ttl: { seconds: 600, onUpdate: "clear" },
  }) as unknown as ReturnType<typeof ticketOf>;
}

type Tickets = Repository<ReturnType<typeof ticketOf>>;

describe("the page", () => {
  it("has a rule each for a namespace, fields, JSON, text, changes, collections, leaderboards, notes, search and vector sets, and again for the deployment", () => {
    expect(rules.map((rule) => rule.slice(0, 3).join(" "))).toEqual([
      "ACL SETUSER app",
      "ACL SETUSER app",
      "ACL SETUSER app",
      "ACL SETUSER app",
      "ACL SETUSER app",
      "ACL SETUSER app",
      "ACL SETUSER app",
      "ACL SETUSER app",
      "ACL SETUSER app",
      "ACL SETUSER app",
      "ACL SETUSER app-deploy",
      "ACL SETUSER app-deploy",
      "ACL SETUSER app-deploy",
      "ACL SETUSER app-deploy",
      "ACL SETUSER app-deploy",
    ]);
  });

  it("names every command that the sources send", () => {
    const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !file.startsWith("testing"))
      .map((file) => readFileSync(join(root, "src", file), "utf8"));
    const sent = sources.flatMap((source) => [
      ...source.matchAll(/call\('([A-Z.]+)'|flush\('([A-Z]+)'|name: "([A-Z._]+)"|fixedWords\("([A-Z.]+)"/g),
    ]);
    const names = new Set(sent.map(([, ...found]) => found.find((name) => name !== undefined)?.toLowerCase() ?? ""));
    // Pieces of the toolkit say on their own pages what they need.
    const toolkit = pages()
      .filter((file) => file.startsWith("docs/toolkit-"))
      .flatMap((file) => fenced(file, "redis").flatMap(({ code }) => code.trim().split(/\s+/)));
    const granted = new Set([...rules.flat(), ...toolkit].map((word) => word.replace(/^\+/, "")));
    expect([...names].filter((name) => !granted.has(name))).toEqual([]);
    expect(names.size).toBeGreaterThan(30);
  });
});

describeLegs("users of docs/acl.md", {}, (leg) => {
  const namespace = new OwnNamespace(leg.url, "acl");
  const names = {
    app: `${namespace.name}-app`,
    deploy: `${namespace.name}-deploy`,
    reader: `${namespace.name}-reader`,
  };
  const databases: Database[] = [];
  let admin: Database;

  // The page's words, but for the names of user and namespace.
  const setUser = async (rule: readonly string[], user: string): Promise<void> => {
    const [command = "", verb = "", , ...rights] = rule;
    await admin.redis.call(command, verb, user, ...rights.map((word) => word.replace("~app:", `~${namespace.name}:`)));
  };
  const login = async (
    user: string,
    password: string,
    engine: "scan" | "search",
    retryWrites = false,
  ): Promise<Database> => {
    const url = new URL(leg.url);
    url.username = user;
    url.password = password;
    const db = await connect(url.href, { namespace: namespace.name, engine, retryWrites });
    databases.push(db);
    return db;
  };

  beforeAll(async () => {
    admin = await connect(leg.url);
    await setUser(basic, names.app);
    await setUser(changes, names.app);
    await setUser(deploy, names.deploy);
    if (admin.capabilities.fieldExpiry) await setUser(fields, names.app);
    if (leg.json) {
      await setUser(json, names.app);
      await setUser(deployJson, names.deploy);
    }
    if (leg.search) {
      await setUser(search, names.app);
      await setUser(deploySearch, names.deploy);
    }
    const { vectorSets } = admin.capabilities;
    if (vectorSets) {
      await setUser(vectors, names.app);
      await setUser(deployVectors, names.deploy);
    }
    const more = vectorSets ? ["+vsim"] : [];
    const reader = ["ACL", "SETUSER", "reader", "reset", "on", ">read", "~app:*", ...reading.split(/\s+/), ...more];
    await setUser(reader, names.reader);
  });

  afterAll(async () => {
    await Promise.all(databases.map((db) => db.close()));
    await admin.redis.call("ACL", "DELUSER", names.app, names.deploy, names.reader);
    await admin.close();
    await namespace[Symbol.asyncDispose]();
  });

  // The deployment makes the indexes, which the application cannot; then it changes the definition, and changes it back.
  const deployed = async (name: string, storage: Storage, engine: "scan" | "search"): Promise<Tickets> => {
    const tickets = (await login(names.app, "change-me", engine)).repository(ticketOf(name, storage));
    await expect(tickets.indexes.sync()).rejects.toMatchObject({ code: "CAPABILITY" });
    const ready = { engine, state: "ready", faulty: 0 };
    const make = async (definition: ReturnType<typeof ticketOf>): Promise<void> => {
      const db = await login(names.deploy, "change-me-too", engine);
      expect(await db.repository(definition).indexes.sync()).toMatchObject(ready);
    };
    await make(ticketOf(name, storage));
    const ticket = await tickets.insert(input("before"));
    await make(changed(name, storage));
    await expect(tickets.indexes.sync()).rejects.toMatchObject({ code: "CAPABILITY" });
    await expect(tickets.count()).rejects.toMatchObject({ code: "INDEX_NOT_READY" });
    await make(ticketOf(name, storage));
    expect(await tickets.query().where("title").match("before").all()).toEqual([ticket]);
    await expectMending(ticketOf(name, storage), await login(names.deploy, "change-me-too", engine), ticket.id);
    await expect(tickets.indexes.repair()).rejects.toMatchObject({ code: "CAPABILITY" });
    await tickets.delete(ticket.id);
    return tickets;
  };

  it("write, read and query on the scan engine", async () => {
    const tickets = await deployed("ticket", "hash", "scan");
    await expectWorking(tickets);
    await expectScanOnly(tickets);
  });

  it("write and watch changes", async () => {
    const definition = defineEntity({
      name: "watched",
      schema: z.object({ id: z.string(), title: z.string() }),
      index: { title: exact() },
      changes: true,
    });
    const db = await login(names.deploy, "change-me-too", "scan");
    await db.repository(definition).indexes.sync();
    const watched = (await login(names.app, "change-me", "scan")).repository(definition);
    await watched.insert({ id: "a", title: "x" });
    for (const group of [{}, { group: "readers" }]) {
      for await (const change of watched.watch({ ...group, from: "start" })) {
        expect(change).toMatchObject({ op: "insert", id: "a" });
        break;
      }
    }
    // From now on, with nothing to come.
    const stop = AbortSignal.timeout(50);
    for await (const _change of watched.watch({ signal: stop })) expect.unreachable("nothing was changed");
    await watched.delete("a");
  });

  it("write what is sent once more, when they may leave notes", async () => {
    const definition = defineEntity({ name: "noted", schema: z.object({ id: z.string(), n: z.int() }) });
    const noted = (await login(names.app, "change-me", "scan", true)).repository(definition);
    await expect(noted.insert({ id: "a", n: 1 })).rejects.toMatchObject({ code: "CAPABILITY" });
    expect(await noted.exists("a")).toBe(false);
    await setUser(notes, names.app);
    await noted.insert({ id: "a", n: 1 });
    expect(await noted.update("a", { n: inc(1) }, { returning: true })).toEqual({ id: "a", n: 2 });
    expect(await noted.delete("a")).toBe(true);
  });

  it("let fields expire", async (context) => {
    const db = await login(names.app, "change-me", "scan");
    if (!db.capabilities.fieldExpiry) context.skip("this server cannot let a field expire (Redis 7.4 or Valkey 9 can)");
    const Draft = defineEntity({ name: "draft", schema: z.object({ id: z.string(), note: z.string().optional() }) });
    const drafts = db.repository(Draft);
    await drafts.insert({ id: "a", note: "n" });
    expect(await drafts.expireField("a", "note", 50)).toBe(true);
    expect(await drafts.expireField("a", "note", { at: new Date(Date.now() + 60_000) })).toBe(true);
    expect(await drafts.fieldTtl("a", "note")).toBeGreaterThan(10_000);
    expect(await drafts.persistField("a", "note")).toBe(true);
    await drafts.delete("a");
  });

  it("are refused everything else", async () => {
    const db = await login(names.app, "change-me", "scan");
    const foreign = [
      ["CONFIG", "GET", "*"],
      ["INFO"],
      ["CLIENT", "LIST"],
      ["KEYS", "*"],
      ["SCAN", "0"],
      ["FLUSHALL"],
      ["HGET", "other:{ticket}:1", "id"],
      ["EVAL", "return redis.call('HGET', 'other:{ticket}:1', 'id')", "0"],
    ];
    const answers = await Promise.all(
      foreign.map(([name = "", ...args]) => db.redis.call(name, ...args).catch((error: Error) => error.message)),
    );
    for (const answer of answers) expect(answer).toMatch(/NOPERM|permission|ACL|can't access/i);
  });

  it("may only read, when they may only read", async () => {
    const writer = (await login(names.app, "change-me", "scan")).repository(ticketOf("ticket", "hash"));
    const ticket = await writer.insert(input("reading"));
    const tickets = (await login(names.reader, "read", "scan")).repository(ticketOf("ticket", "hash"));
    expect(await tickets.findById(ticket.id)).toEqual(ticket);
    expect(await tickets.query().where("title").eq("reading").orderBy("price").all()).toEqual([ticket]);
    await expectScanOnly(tickets);
    expect(await tickets.query().nearest("at", { to: [1, 1], k: 2 })).toEqual([]);
    await expect(tickets.save({ ...ticket, title: "x" })).rejects.toMatchObject({ code: "CAPABILITY" });
    await writer.delete(ticket.id);
  });

  it.runIf(leg.json)("write, read and query JSON documents on the scan engine", async () => {
    await expectWorking(await deployed("jsonTicket", "json", "scan"));
  });

  it("write, read and query JSON text on the scan engine", async () => {
    await setUser(texts, names.app);
    await setUser(deployTexts, names.deploy);
    await expectWorking(await deployed("textTicket", "string", "scan"));
  });

  it("fill and read what entities own", async () => {
    await setUser(owning, names.app);
    const definition = defineEntity({
      name: "owner",
      schema: z.object({ id: z.string() }),
      collections: {
        list: ownedList(z.string()),
        set: ownedSet(z.string()),
        scores: ownedSortedSet(z.string()),
        count: ownedCounter(),
      },
    });
    const owners = (await login(names.app, "change-me", "scan")).repository(definition);
    await owners.insert({ id: "a" });
    const { list, set, scores, count } = owners.owned("a");
    await list.push("x");
    await list.unshift("y");
    await list.trim(0, 5);
    expect(await list.range()).toEqual(["y", "x"]);
    expect([await list.remove("q"), await list.pop(), await list.shift(), await list.length()]).toEqual([
      0,
      "x",
      "y",
      0,
    ]);
    expect([await set.add("x"), await set.has("x"), await set.members(), await set.size()]).toEqual([
      1,
      true,
      ["x"],
      1,
    ]);
    expect(await set.remove("x")).toBe(1);
    expect([await scores.set("x", 1), await scores.increment("x", 1), await scores.score("x")]).toEqual([true, 2, 2]);
    expect([await scores.range(), await scores.size()]).toEqual([[{ member: "x", score: 2 }], 1]);
    expect(await scores.remove("x")).toBe(1);
    expect([await count.increment(), await count.get()]).toEqual([1, 1]);
    await count.clear();
    expect(await owners.delete("a")).toBe(true);
  });

  it("keep and read leaderboards", async () => {
    const options = { ties: "dense" } as const;
    const board = (await login(names.app, "change-me", "scan")).leaderboard("board", options);
    const rights = boards.filter((word) => word.startsWith("+"));
    // Without one of the rights nothing is written by halves.
    await setUser([...boards, "-hincrby"], names.app);
    await expect(board.submit("ada", 1)).rejects.toMatchObject({ code: "CAPABILITY" });
    expect(await admin.redis.call("EXISTS", `${namespace.name}:{board}#z`, `${namespace.name}:{board}#m`)).toBe(0);
    await setUser(["ACL", "SETUSER", "app", ...rights], names.app);
    for (const tieBreak of ["time", "member"] as const) {
      for (const order of ["asc", "desc"] as const) {
        const each = (await login(names.app, "change-me", "scan")).leaderboard(`board-${tieBreak}-${order}`, {
          ...options,
          order,
          tieBreak,
        });
        expect(await each.submit("ada", 1)).toMatchObject({ rank: 1 });
        expect(await each.increment("ada")).toMatchObject({ score: 2 });
        expect(await each.remove("nobody")).toBe(0);
        await setUser(
          ["ACL", "SETUSER", "x", "reset", "on", ">read", "~app:*", "+ping", "+eval_ro", "+evalsha_ro"],
          names.reader,
        );
        await setUser(["ACL", "SETUSER", "x", ...readingBoards.split(/\s+/)], names.reader);
        const db = await login(names.reader, "read", "scan");
        const read = db.leaderboard(each.name, { ...options, order, tieBreak });
        expect(await read.rankOf("ada")).toBe(1);
        expect([await read.top(), await read.around("ada"), await read.page(1)]).toMatchObject([
          [{ member: "ada" }],
          [{ member: "ada" }],
          { total: 1 },
        ]);
        expect([await read.scoreOf("ada"), await read.scoreAt(0.5), await read.percentileOf("ada")]).toEqual([2, 2, 1]);
        expect([await read.total(), await read.countBetween(0, 5)]).toEqual([1, 1]);
        await expect(read.submit("ada", 1)).rejects.toMatchObject({ code: "CAPABILITY" });
        await each.clear();
      }
    }
  });

  it.runIf(leg.search)("cannot make an index, use the one that the deployment makes", async () => {
    await expectWorking(await deployed("searchTicket", "hash", "search"));
  });

  it.runIf(leg.search && leg.json)("do the same with JSON documents", async () => {
    await expectWorking(await deployed("searchJsonTicket", "json", "search"));
  });
});

/** The deployment finds what was damaged, and mends it. */
async function expectMending(definition: ReturnType<typeof ticketOf>, db: Database, id: string): Promise<void> {
  const tickets = db.repository(definition);
  expect(await tickets.indexes.verify()).toMatchObject({ found: 0 });
  await db.redis.call("HDEL", `${tickets.key("x").replace(/:x$/, "")}$s`, id);
  expect((await tickets.indexes.verify()).findings[0]).toMatchObject({ kind: "snapshot", id });
  expect(await tickets.indexes.repair()).toMatchObject({ found: 0, rewritten: 1 });
}

function input(title: string) {
  return { title, price: 1.1, tags: ["a", "b"], serial: 12n, seat: title };
}

/** Everything that does not depend on the engine. */
async function expectWorking(tickets: Tickets): Promise<void> {
  await tickets.indexes.sync();
  const first = await tickets.insert(input("first row"));
  const saved = await tickets.save({ ...first, price: null, tags: ["b"], at: [1, 0.5] });
  await tickets.insert(input("short"), { ttl: { ms: 40 } });
  const many = Array.from({ length: 120 }, (_, at) => ({ ...input(`row ${at}`), price: at, tags: [`t${at % 3}`] }));
  expect((await tickets.saveMany(many)).failed).toEqual([]);
  await expect(tickets.insert(input("first row"))).rejects.toMatchObject({ code: "UNIQUE_VIOLATION" });
  await pause(60);

  expect(await tickets.findById(first.id)).toEqual(saved);
  expect(await tickets.findByIds([first.id, "nobody"])).toEqual([saved, null]);
  expect(await tickets.exists(first.id)).toBe(true);
  expect(await tickets.count()).toBe(121);
  const query = tickets.query();
  expect(await query.nearest("at", { to: [1, 1], k: 2 })).toMatchObject([{ id: first.id }]);
  expect(await query.where("price").isNull().all()).toEqual([saved]);
  expect(await query.where("title").match("row first").orderBy("title").all()).toEqual([saved]);
  expect(await query.where("price").between(10, 19).where("tags").contains("t1").count()).toBe(4);
  expect((await query.whereNot("tags").contains("t0").orderBy("price", "desc").limit(5).page()).total).toBe(81);
  expect(await query.where("title").in(["row 1", "row 2", "row 3", "row 4", "row 5"]).ids()).toHaveLength(5);
  expect(await query.where((f) => f.or(f("serial").eq(12n), f("price").lt(3))).count()).toBe(121);
  expect(await query.orderBy("title").limit(1000).all()).toHaveLength(121);
  expect((await query.facets(["tags"])).tags).toHaveLength(4);
  expect(await query.aggregate().groupBy("title", "serial").all()).toHaveLength(121);
  expect(await query.where("price").gte(118).delete()).toEqual({ matched: 2, changed: 2, conflicts: 0 });
  await tickets.update(first.id, { price: inc(1), tags: push("c"), title: "second row" }, { ttl: 50 });
  expect(await tickets.modify(first.id, (ticket) => ({ ...ticket, price: null }))).toMatchObject({ tags: ["b", "c"] });
  expect(await tickets.findUnique({ seat: "first row" })).toMatchObject({ title: "second row", price: null });
  expect(await tickets.query().where("title").eq("second row").update({ price: 1 })).toMatchObject({ changed: 1 });
  await tickets.upsert({ ...input("first row"), seat: "first row" }, { by: "seat" });
  expect([await tickets.touch(first.id), await tickets.persist(first.id)]).toEqual([true, true]);
  expect(await tickets.ttl(first.id)).toBe("never");
  expect(await tickets.delete(first.id)).toBe(true);
  expect((await tickets.indexes.status()).state).toBe("ready");
}

/** What the scan engine reads in other ways: text ranges, long walks. */
async function expectScanOnly(tickets: Tickets): Promise<void> {
  const query = tickets.query();
  expect(await query.where("serial").gte(13n).count()).toBe(0);
  const walked = await query.where("serial").lt(100n).whereNot("title").eq("row 3").orderBy("serial").offset(2).all();
  expect(walked.length).toBeGreaterThan(100);
}
