// Hostile values and lifetimes: refused by name, or stored, found and read back exactly; and passwords, which nothing may tell.
// What concerns sessions, locks, rate limits, channels and streams (70 to 77) comes with those.
import { inspect } from "node:util";
import { subscribe, unsubscribe } from "node:diagnostics_channel";

import { expect } from "vitest";

import { connect, largeDocumentChannel, operationChannel, type Ttl } from "remora";
import { serverTime, serverTimePassed } from "./clock.ts";
import { everythingIn, expectFailure, expectRefusal } from "./failures.ts";
import { numbers, type Row, testTable } from "./hostile.ts";
import { literal, sorted } from "./literal.ts";
import { dump } from "./matrix.ts";
import { paper, refused, two } from "./papers.ts";
import { sent } from "./sent.ts";

const rows: readonly Row[] = [
  [
    60,
    "undefined, null, a function, a symbol",
    "a field",
    async (bench) => {
      const strange = [null, () => 1, Symbol("s"), {}, ["x"], 1, true, Object("x")];
      await refused("name", ...strange.map((name) => ({ name })))(bench);
      await refused("nick", ...strange.map((nick) => ({ nick })))(bench);
      await refused("tags.1", ...strange.map((tag) => ({ tags: ["x", tag] })))(bench);
      await refused(
        "free.x",
        ...[() => 1, Symbol("s"), 1n, new Date(0), new Map()].map((x) => ({ free: { x } })),
      )(bench);
      const opened = await two(bench);
      const { repository, raw, namespace } = opened;
      const missing = () => repository.insert({ id: "c", name: undefined as unknown as string });
      expect(await expectRefusal(opened, missing, "VALIDATION")).toMatchObject({ field: "name" });
      const none = { nick: undefined, born: undefined, age: null, free: { gone: undefined, kept: null } };
      await repository.insert({ id: "c", name: "c", ...none } as never);
      const [held] = (await dump(raw, namespace))[repository.key("c")] as [string | Record<string, string>];
      const document = typeof held === "string" ? (JSON.parse(held) as Record<string, unknown>) : held;
      expect(Object.keys(document).filter((name) => name === "nick" || name === "born")).toEqual([]);
      expect(JSON.stringify(document)).not.toMatch(/undefined|gone|\[object/);
      expect(await repository.findById("c")).toMatchObject({ name: "c", age: null, free: { kept: null } });
      expect(Object.keys((await repository.findByIdOrThrow("c")).free)).toEqual(["kept"]);
      expect(await repository.query().where("age").isNull().where("born").isNull().where("name").eq("c").ids()).toEqual(
        ["c"],
      );
    },
  ],
  [61, "an invalid date", "a date", refused("born", { born: new Date(Number.NaN) }, { born: new Date("tomorrow") })],
  [
    62,
    "10 000 tags",
    "a list",
    async (bench) => {
      const { repository } = await two(bench);
      const tags = Array.from({ length: 10_000 }, (_, at) => `tag ${at}`);
      const commands = await sent(() =>
        repository.save({ id: "a", name: "name a", version: 1, tags }, { deadline: 30_000 }),
      );
      expect(commands).toEqual(["EVALSHA save"]);
      for (const tag of ["tag 0", "tag 4999", "tag 9999"]) {
        expect(await repository.query().where("tags").contains(tag).ids()).toEqual(["a"]);
      }
      expect(await repository.query().where("tags").containsAll(tags.slice(0, 500)).ids()).toEqual(["a"]);
      expect((await repository.findByIdOrThrow("a")).tags).toEqual(tags);
      expect(await repository.indexes.verify()).toMatchObject({ found: 0 });
      await repository.update("a", { tags: [] });
      expect(await repository.query().where("tags").contains("tag 4999").ids()).toEqual([]);
      expect(await repository.indexes.verify()).toMatchObject({ found: 0 });
    },
  ],
  [
    63,
    "a string of 9 MiB",
    "a field",
    async (bench) => {
      const plain = "x".repeat(9 * 2 ** 20);
      const namespace = (await two(bench)).namespace;
      const strict = await bench.open(paper, { namespace, maxDocument: 8 * 2 ** 20 });
      const work = () => strict.repository.update("a", { plain });
      expect(await expectRefusal(strict, work, "VALIDATION")).toMatchObject({ id: "a", field: "plain" });
      const insert = () => strict.repository.insert({ id: "c", name: "c", plain });
      expect(await expectRefusal(strict, insert, "VALIDATION")).toMatchObject({ id: "c", field: "plain" });
      // Without a bound of one's own, documents are told of from one MB on, and refused from 512 only.
      const { repository } = await bench.open(paper, { namespace });
      const told: unknown[] = [];
      const listen = (event: unknown): void => void told.push(event);
      subscribe(largeDocumentChannel, listen);
      try {
        await repository.insert({ id: "c", name: "c", plain });
      } finally {
        unsubscribe(largeDocumentChannel, listen);
      }
      expect(told).toMatchObject([{ entity: "paper", id: "c", field: "plain" }]);
      expect((await repository.findByIdOrThrow("c")).plain === plain).toBe(true);
    },
  ],
  [
    64,
    "bytes that are no UTF-8",
    "a field of bytes",
    async (bench) => {
      const { repository } = await two(bench);
      const all = Uint8Array.from({ length: 256 }, (_, at) => at);
      for (const blob of [all, Buffer.from([0xff, 0xfe, 0, 0xc3, 0x28, 0xed, 0xa0, 0x80]), new Uint8Array(0)]) {
        await repository.update("a", { blob });
        const found = await repository.findByIdOrThrow("a");
        expect(Buffer.from(found.blob ?? "none").equals(Buffer.from(blob))).toBe(true);
      }
    },
  ],
  [
    65,
    "NUL",
    "a text",
    async (bench) => {
      // An index would cut it: refused there, exact in a text without an index.
      await refused("name", { name: "a\u0000b" }, { name: "\u0000" })(bench);
      await refused("tags", { tags: ["x", "a\u0000"] })(bench);
      const { repository } = await two(bench);
      for (const plain of ["a\u0000b", "\u0000", "\u0000\u0000x\u0000"]) {
        await repository.update("a", { plain, free: { [plain]: [plain] } });
        expect(await repository.findById("a")).toMatchObject({ plain, free: { [plain]: [plain] } });
        expect(await repository.query().where("name").eq(`name a${plain}`).ids()).toEqual([]);
        expect(await repository.query().where("name").startsWith(`name a${plain}`).ids()).toEqual([]);
        expect(await repository.query().where("tags").contains(plain).ids()).toEqual([]);
      }
    },
  ],
  [
    66,
    "emoji, right-to-left override, zero width",
    "equality",
    async (bench) => {
      await literal("👩‍👩‍👧🏽", "👩👩👧🏽", "👩‍👩‍👧", "👩", "🏽")(bench);
      await literal("\u202eabc", "abc", "cba", "\u202e", "\u202dabc")(bench);
      await literal("a\u200bb", "ab", "a\u200cb", "a b", "a\ufeffb")(bench);
    },
  ],
  [
    67,
    "İ, ß, ς",
    "a field without case",
    async (bench) => {
      const { repository } = await bench.open(paper);
      const groups = [
        ["İ", "i\u0307"],
        ["ß", "ẞ", "SS", "ss", "Ss"],
        ["ς", "σ", "Σ"],
        ["ΟΔΟΣ", "οδος", "οδοσ"],
        ["ı", "I", "i"],
        ["é", "É"],
        ["e\u0301", "E\u0301"],
        ["s"],
      ];
      const entities = groups.flatMap((group, at) =>
        group.map((folded, n) => ({ id: `${at} ${n}`, name: "n", folded })),
      );
      expect((await repository.insertMany(entities)).failed).toEqual([]);
      for (const [at, group] of groups.entries()) {
        for (const [n, folded] of group.entries()) {
          expect(await sorted(repository.query().where("folded").eq(folded))).toEqual(
            group.map((_, m) => `${at} ${m}`),
          );
          expect((await repository.findByIdOrThrow(`${at} ${n}`)).folded).toBe(folded);
        }
      }
    },
  ],
  [
    68,
    "0, -1, NaN, 2^53",
    "a time to live",
    async (bench) => {
      const opened = await two(bench);
      const { repository } = opened;
      for (const seconds of [0, -1, Number.NaN, 2 ** 53, Infinity, "60" as unknown as number]) {
        for (const ttl of [seconds, { ms: seconds }] as Ttl[]) {
          for (const work of [
            () => repository.insert({ id: "c", name: "c" }, { ttl }),
            () => repository.save({ id: "a", name: "x", version: 1 }, { ttl }),
            () => repository.update("a", { name: "x" }, { ttl }),
            () => repository.expire("a", ttl as number),
          ]) {
            expect(await expectRefusal(opened, work, "VALIDATION"), `${seconds}`).toMatchObject({ entity: "paper" });
          }
          expect((await repository.saveMany([{ id: "c", name: "c" }], { ttl })).failed).toMatchObject([
            { error: { code: "VALIDATION" } },
          ]);
        }
      }
      expect([await repository.ttl("a"), await repository.ttl("c")]).toEqual(["never", "missing"]);
    },
  ],
  [
    69,
    "one millisecond",
    "a time to live",
    async (bench) => {
      const { repository, raw } = await two(bench);
      for (let round = 0; round < 10; round += 1) {
        const dying = { id: `dying ${round}`, name: "dying", tags: ["dying"], folded: "dying", age: round };
        await repository.insert(dying, { ttl: { ms: 1 } });
        // Its time began before this one.
        await serverTimePassed(raw, new Date((await serverTime(raw)) + 1));
        expect(await repository.count()).toBe(2);
        expect(await repository.query().where("name").eq("dying").count()).toBe(0);
        expect(await repository.query().where("tags").contains("dying").ids()).toEqual([]);
        expect(await repository.query().where("age").gte(0).orderBy("age").all()).toEqual([]);
        expect((await repository.query().where("folded").eq("DYING").page()).total).toBe(0);
        expect([await repository.findById(dying.id), await repository.exists(dying.id)]).toEqual([null, false]);
      }
    },
  ],
  [
    78,
    "a password",
    "a URL of the wrong host, a wrong login, a good one",
    async ({ leg, engine, open }) => {
      const secret = "s3cr3t-marker-pa55";
      const papers = paper("hash");
      const seen: string[] = [];
      const listen = (event: unknown): void => void seen.push(everythingIn(event));
      subscribe(operationChannel, listen);
      try {
        const { host } = new URL(leg.url);
        for (const url of [
          `redis://ada:${secret}@127.0.0.1:1`,
          `redis://ada:${secret}@no-such-host.invalid:6379`,
          `redis://ada:${secret}@${host}`,
          `redis://${secret}:${secret}@${host}`,
        ]) {
          const error = await expectFailure(connect(url), "CONNECTION");
          expect(everythingIn(error)).not.toContain(secret);
        }
        const { raw, namespace } = await open(paper);
        await raw("ACL", "SETUSER", namespace, "on", `>${secret}`, "~*", "&*", "+@all", "-@write");
        const db = await connect(`redis://${namespace}:${secret}@${host}`, { namespace, engine });
        try {
          for (const printed of [
            JSON.stringify(db),
            inspect(db, { depth: 9 }),
            inspect(db.repository(papers), { depth: 9 }),
          ]) {
            expect(printed).not.toContain(secret);
          }
          const work = db.repository(papers).insert({ name: "x" });
          expect(everythingIn(await expectFailure(work, "CAPABILITY"))).not.toContain(secret);
        } finally {
          await db.close();
          await raw("ACL", "DELUSER", namespace);
        }
      } finally {
        unsubscribe(operationChannel, listen);
      }
      expect(seen.length).toBeGreaterThan(0);
      expect(seen.join("\n")).not.toContain(secret);
    },
  ],
];

testTable("hostile inputs", [...numbers(60, 69), 78], rows);
