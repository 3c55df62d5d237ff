// Compound indexes: the answers of queries that they serve, their pages and counts, and that such queries do use them.
// Against a model made here, with ties, absent values, folded case and entities that expire.
import { expect, test } from "vitest";
import { z } from "zod";

import { defineEntity, exact, range } from "remora";
import type { Storage } from "../../src/schema/metadata.ts";
import { serverTimePassed } from "./clock.ts";
import { describeMatrix } from "./matrix.ts";

const city = (storage: Storage) =>
  defineEntity({
    name: "city",
    storage,
    schema: z.object({
      id: z.string(),
      country: z.string().nullable(),
      zone: z.string(),
      people: z.number().nullable(),
      code: z.string().optional(),
      founded: z.date(),
      serial: z.bigint().nullable(),
    }),
    index: {
      country: exact({ caseInsensitive: true }),
      zone: exact(),
      people: range(),
      code: exact({ sortable: true, caseInsensitive: true }),
      founded: range(),
      serial: range(),
    },
    compound: {
      byPeople: { eq: ["country"], orderBy: "people" },
      byCode: { eq: ["country"], orderBy: "code" },
      bySerial: { eq: ["zone", "country"], orderBy: "serial" },
      foundedThen: { eq: ["people"], orderBy: "founded" },
      byZone: { eq: ["zone"] },
    },
    ttl: {},
  });

type City = {
  id: string;
  country: string | null;
  zone: string;
  people: number | null;
  code?: string;
  founded: Date;
  serial: bigint | null;
};

// Few values, so that there are many ties; numbers that texts would order otherwise.
const rows: City[] = Array.from({ length: 240 }, (_, at) => ({
  id: `c${(at * 7919) % 997}`,
  country: at % 11 === 0 ? null : (["IT", "it", "FR", ""][at % 4] as string),
  zone: at % 3 === 0 ? "north" : "",
  people: at % 5 === 0 ? null : ([-2, 0.5, 10, 9, 1e21][at % 7] ?? 3),
  ...(at % 6 === 0 ? {} : { code: ["a", "B", "b", "é", ""][at % 5] as string }),
  founded: new Date((at % 4) * 1000),
  serial: at % 4 === 3 ? null : BigInt((at % 9) - 4) * 10n ** 20n,
}));

const inItaly = ({ country }: City): boolean => country === "IT" || country === "it";
const byId = (left: City, right: City): number => (left.id < right.id ? -1 : 1);

/** Rows in the order of a property: absent values last, then by id in the same direction. */
function ordered<T>(found: City[], value: (row: City) => T | null | undefined, down = false): string[] {
  const sign = down ? -1 : 1;
  const compare = (left: City, right: City): number => {
    const [a, b] = [value(left) ?? null, value(right) ?? null];
    if (a === null || b === null) return a === b ? sign * byId(left, right) : a === null ? 1 : -1;
    return sign * (a < b ? -1 : a > b ? 1 : byId(left, right));
  };
  return found.toSorted(compare).map(({ id }) => id);
}

describeMatrix("compound indexes", ({ open, engine }) => {
  const opened = async () => {
    const one = await open(city);
    expect((await one.repository.insertMany(rows)).failed).toEqual([]);
    return one;
  };

  test("order what is equal, both ways, ties and absent values with it", async () => {
    const { repository: cities } = await opened();
    const italian = cities.query().where("country").eq("iT");
    const found = rows.filter(inItaly);
    for (const direction of ["asc", "desc"] as const) {
      const down = direction === "desc";
      expect(await italian.orderBy("people", direction).ids()).toEqual(ordered(found, ({ people }) => people, down));
      const folded = ({ code }: City) => code?.toLowerCase();
      expect(await italian.orderBy("code", direction).ids()).toEqual(ordered(found, folded, down));
      const northern = italian.where("zone").eq("north");
      const serial = northern.orderBy("serial", direction);
      const both = found.filter(({ zone }) => zone === "north");
      expect(await serial.ids()).toEqual(ordered(both, (row) => row.serial, down));
      const window = serial.offset(7).limit(9);
      expect(await window.ids()).toEqual(ordered(both, (row) => row.serial, down).slice(7, 16));
      expect((await window.page()).total).toBe(both.length);
    }
  });

  test("page by keyset over ties and absent values, with and without something more to ask", async () => {
    const { repository: cities } = await opened();
    const pages = async (query: ReturnType<typeof cities.query>): Promise<string[]> => {
      const ids: string[] = [];
      let cursor: string | null | undefined;
      while (cursor !== null) {
        const page = await query.limit(7).keyset({ after: cursor });
        ids.push(...page.items.map(({ id }) => id));
        cursor = page.cursor;
      }
      return ids;
    };
    const italian = cities.query().where("country").eq("IT");
    const found = rows.filter(inItaly);
    const early = found.filter(({ founded }) => founded.getTime() < 2000);
    for (const direction of ["asc", "desc"] as const) {
      const down = direction === "desc";
      expect(await pages(italian.orderBy("people", direction))).toEqual(ordered(found, ({ people }) => people, down));
      const some = italian.where("founded").lt(new Date(2000)).orderBy("people", direction);
      expect(await pages(some)).toEqual(ordered(early, ({ people }) => people, down));
      const bounded = italian.where("people").gt(-2).orderBy("people", direction);
      const above = found.filter(({ people }) => people !== null && people > -2);
      expect(await pages(bounded)).toEqual(ordered(above, ({ people }) => people, down));
    }
    expect(await pages(italian)).toEqual(found.toSorted(byId).map(({ id }) => id));
    const north = rows.filter(({ zone }) => zone === "north").toSorted(byId);
    expect(await pages(cities.query().where("zone").eq("north"))).toEqual(north.map(({ id }) => id));
    const two = italian.orderBy("people").orderBy("code", "desc");
    expect((await pages(two)).toSorted()).toEqual(found.map(({ id }) => id).toSorted());
  });

  test("count, with a range and without", async () => {
    const { repository: cities } = await opened();
    const italian = cities.query().where("country").eq("IT");
    const found = rows.filter(inItaly);
    expect(await italian.count()).toBe(found.length);
    expect(await italian.where("people").between(0.5, 10).count()).toBe(
      found.filter(({ people }) => people !== null && people >= 0.5 && people <= 10).length,
    );
    expect(await italian.where("code").startsWith("B").count()).toBe(
      found.filter(({ code }) => code?.toLowerCase() === "b").length,
    );
    const north = italian.where("zone").eq("north").where("serial").gt(0n);
    expect(await north.count()).toBe(
      found.filter(({ zone, serial }) => zone === "north" && (serial ?? 0n) > 0n).length,
    );
    expect(await cities.query().where("zone").eq("").where("country").eq("").count()).toBe(
      rows.filter(({ zone, country }) => zone === "" && country === "").length,
    );
    expect(await cities.query().where("country").eq("nowhere").orderBy("people").ids()).toEqual([]);
  });

  test("follow updates, deletions and expiry", async () => {
    const { repository: cities, raw } = await opened();
    const mine = cities.query().where("country").eq("XX").orderBy("people");
    const base: City = { id: "x1", country: "XX", zone: "z", people: 5, founded: new Date(0), serial: 1n };
    await cities.saveMany([base, { ...base, id: "x2" }, { ...base, id: "x3", people: null }]);
    expect(await mine.ids()).toEqual(["x1", "x2", "x3"]);
    await cities.save({ ...base, people: 6 });
    expect(await mine.ids()).toEqual(["x2", "x1", "x3"]);
    await cities.save({ ...base, people: null });
    expect(await mine.ids()).toEqual(["x2", "x1", "x3"]);
    await cities.save({ ...base, id: "x2", country: null });
    expect(await mine.ids()).toEqual(["x1", "x3"]);
    await cities.delete("x3");
    expect(await mine.ids()).toEqual(["x1"]);
    const at = new Date(Date.now() + 150);
    await cities.saveMany(
      [
        { ...base, id: "x4" },
        { ...base, id: "x5", people: null },
      ],
      { ttl: { at } },
    );
    await serverTimePassed(raw, at);
    expect(await mine.ids()).toEqual(["x1"]);
    expect(await mine.count()).toBe(1);
    expect(await mine.where("people").gte(0).count()).toBe(0);
    await cities.save({ ...base, id: "x4", people: 1 });
    expect(await mine.ids()).toEqual(["x4", "x1"]);
  });

  test.runIf(engine === "scan")("are what such queries walk", async () => {
    const { repository: cities } = await opened();
    const italian = cities.query().where("country").eq("IT");
    const named = async (query: ReturnType<typeof cities.query>): Promise<string | undefined> =>
      /compound index (\w+)/.exec((await query.explain()).plan.join("\n"))?.[1];
    expect(await named(italian.orderBy("people", "desc"))).toBe("byPeople");
    expect(await named(italian.orderBy("code"))).toBe("byCode");
    expect(await named(italian.where("code").startsWith("b"))).toBe("byCode");
    expect(await named(italian.where("zone").eq("north").orderBy("serial"))).toBe("bySerial");
    expect(await named(italian.where("zone").ne("north").orderBy("people"))).toBe("byPeople");
    expect(await named(cities.query().where("people").eq(3).orderBy("founded"))).toBe("foundedThen");
    expect(await named(cities.query().where("zone").eq("north"))).toBe("byZone");
    for (const other of [
      italian.orderBy("founded"),
      cities.query().where("country").in(["IT", "FR"]).orderBy("people"),
      cities.query().where("country").ne("IT").orderBy("people"),
      cities
        .query()
        .where((f) => f.or(f("country").eq("IT"), f("zone").eq("")))
        .orderBy("people"),
      cities.query().orderBy("people"),
    ]) {
      expect(await named(other)).toBe(undefined);
    }
    const { plan } = await italian.where("zone").eq("north").orderBy("serial").explain();
    expect(plan.join("\n")).toMatch(/walk \S+\$c:bySerial:north,it of compound index bySerial/);
  });
});
