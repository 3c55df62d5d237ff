// Parts of entities by id: the chosen fields and nothing else on the wire, in one trip, as a query would give them.
// What the wire carried is counted by the server itself.
import { z } from "zod";
import { expect, test } from "vitest";

import { bytes, defineEntity, type EntityOf, geoPoint, type SelectablePaths } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure } from "./failures.ts";
import { describeMatrix, readNames } from "./matrix.ts";
import { sent } from "./sent.ts";

const maker = z.object({
  name: z.string(),
  city: z.string().nullish(),
  more: z.object({ note: z.string().optional() }),
});

const product = (storage: Storage) =>
  defineEntity({
    name: "product",
    storage,
    schema: z.object({
      id: z.string(),
      name: z.string(),
      price: z.number().nullable(),
      maker,
      rival: maker.optional(),
      at: geoPoint().optional(),
      made: z.date().optional(),
      serial: z.bigint().nullish(),
      "odd name": z.string().default("none"),
      image: bytes().optional(),
      notes: z.string(),
      free: z.record(z.string(), z.unknown()).optional(),
      plain: z.object({ maybe: z.string().optional() }),
    }),
  });

const large = "x".repeat(200_000);
const full = {
  id: "p {1}",
  name: "Lamp",
  price: 0.1 + 0.2,
  maker: { name: "Ada", city: "Rome", more: { note: "n" } },
  rival: { name: "Bob", city: null, more: {} },
  at: { longitude: 1.5, latitude: 2 },
  made: new Date(5),
  serial: 12345678901234567890n,
  "odd name": "odd",
  image: new Uint8Array([0, 255]),
  notes: large,
  free: { a: [1, null, "b"] },
  plain: {},
};
const bare = { id: "bare", name: "", price: null, maker: { name: "Eve", more: {} }, notes: large, plain: {} };

describeMatrix("reads of parts", ({ open, storage }) => {
  test("give the chosen fields, exactly, and null where there is nobody", async () => {
    const { repository } = await open(product);
    await repository.saveMany([full, bare]);
    const ids = ["bare", "nobody", "p {1}"];
    expect(await repository.findById("p {1}", { select: ["name", "maker.city"] })).toEqual({
      name: "Lamp",
      maker: { city: "Rome" },
    });
    const rows = await repository.findByIds(ids, {
      select: ["id", "price", "maker.more.note", "rival.city", "at", "made", "serial", "image", "free"],
    });
    expect(rows).toEqual([
      { id: "bare", price: null, maker: { more: {} } },
      null,
      {
        id: full.id,
        price: full.price,
        maker: { more: { note: "n" } },
        rival: { city: null },
        at: full.at,
        made: full.made,
        serial: full.serial,
        image: full.image,
        free: full.free,
      },
    ]);
    expect(await repository.findByIds(ids, { select: ["id"] })).toEqual([{ id: "bare" }, null, { id: "p {1}" }]);
    // An entity that has none of the fields is there nevertheless.
    expect(await repository.findById("bare", { select: ["made"] })).toEqual({});
    expect(await repository.findById("nobody", { select: ["made"] })).toBeNull();
    expect(await repository.findById("bare", { select: ["odd name"] })).toEqual({ "odd name": "none" });
    const query = repository.query({}).select("rival.city", "plain", "serial");
    expect(await repository.findByIds([...ids].sort(), { select: ["rival.city", "plain", "serial"] })).toEqual([
      (await query.all()).find((row) => row.rival === undefined),
      null,
      (await query.all()).find((row) => row.rival !== undefined),
    ]);
  });

  test("read nothing else: counted on the wire", async () => {
    const { repository, raw, db } = await open(product);
    await repository.saveMany([full, bare]);
    const read = readNames[storage];
    const output = async (work: () => Promise<unknown>): Promise<number> => {
      // What came over this very connection: others use the server as well.
      const { stream } = db.redis as unknown as { readonly stream: { readonly bytesRead: number } };
      const before = stream.bytesRead;
      await work();
      return stream.bytesRead - before;
    };
    expect(await output(() => repository.findById("p {1}"))).toBeGreaterThan(200_000);
    expect(await sent(() => repository.findById("p {1}", { select: ["name", "maker.city"] }))).toEqual([read]);
    const evidence = { hash: "HMGET", json: "JSON.TYPE", string: "GET" };
    expect(await sent(() => repository.hasField("bare", "maker"))).toEqual([evidence[storage]]);
    const two = () => repository.findByIds(["p {1}", "bare"], { select: ["name"] });
    expect(await sent(two)).toEqual(storage === "string" ? ["MGET"] : [read, read]);
    // Text comes whole.
    if (storage === "string") return;
    expect(await output(() => repository.findById("p {1}", { select: ["name", "maker.city"] }))).toBeLessThan(50_000);
    expect(await output(two)).toBeLessThan(50_000);
    expect(await raw("EXISTS", repository.key("bare"))).toBe(1);
  });

  test("hasField tells what has a value", async () => {
    const { repository, raw } = await open(product);
    await repository.saveMany([full, bare]);
    const has = async (id: string, ...paths: SelectablePaths<EntityOf<ReturnType<typeof product>>>[]) =>
      Promise.all(paths.map((path) => repository.hasField(id, path)));
    const paths = [
      "name",
      "price",
      "maker",
      "maker.city",
      "maker.more",
      "maker.more.note",
      "rival",
      "rival.more",
    ] as const;
    const others = ["rival.city", "at", "made", "serial", "image", "free", "plain", "plain.maybe", "id"] as const;
    expect(await has("p {1}", ...paths)).toEqual(paths.map(() => true));
    expect(await has("p {1}", ...others)).toEqual(
      others.map((path) => path !== "rival.city" && path !== "plain.maybe"),
    );
    const there = new Set<string>(["name", "maker", "maker.more", "plain", "id"]);
    expect(await has("bare", ...paths, ...others)).toEqual([...paths, ...others].map((path) => there.has(path)));
    expect(await has("nobody", ...paths, ...others)).toEqual([...paths, ...others].map(() => false));
    await raw("LPUSH", repository.key("list"), "x");
    await expectFailure(repository.hasField("list", "name"), "CORRUPT_ENTITY");
  });

  test("refuse what is no field, before anything is sent", async () => {
    const { repository } = await open(product);
    await repository.count();
    const commands = await sent(async () => {
      for (const select of [["nope"], ["maker.nope"], [], [undefined], ["name.x"]]) {
        // eslint-disable-next-line no-await-in-loop -- one at a time
        await expectFailure(repository.findById("a", { select } as never), "QUERY");
        // eslint-disable-next-line no-await-in-loop
        await expectFailure(repository.findByIds(["a"], { select } as never), "QUERY");
      }
      await expectFailure(repository.hasField("a", "nope" as never), "QUERY");
    });
    expect(commands).toEqual([]);
  });

  test("tell of what does not fit the schema, if it was asked for", async () => {
    const { repository, raw } = await open(product);
    await repository.saveMany([full, bare]);
    if (storage === "hash") await raw("HSET", repository.key("bare"), "price", "dear");
    else await raw("JSON.SET", repository.key("bare"), "$.price", '"dear"');
    expect(await repository.findById("bare", { select: ["name"] })).toEqual({ name: "" });
    const error = await expectFailure(repository.findById("bare", { select: ["price"] }), "CORRUPT_ENTITY");
    expect(error).toMatchObject({ id: "bare", field: "price" });
    const bad: string[] = [];
    const found = await repository.findByIds(["bare", "p {1}"], {
      select: ["price"],
      onCorrupt: ({ id }) => bad.push(String(id)),
    });
    expect([found, bad]).toEqual([[null, { price: full.price }], ["bare"]]);
  });
});
