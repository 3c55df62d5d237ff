// What is published about each operation, and that no stored value is in it.
// Subscribing changes nothing about the answers.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { connect, type Database, operationChannel, type OperationEvent } from "remora";
import { expectFailure } from "../behaviour/failures.ts";
import { tidy } from "../behaviour/matrix.ts";
import { freshNamespace, legs } from "../setup/legs.ts";
import { Rich } from "./entities.ts";

describe.each(legs().map((leg) => [leg.name, leg] as const))("published operations, %s", (_name, leg) => {
  const namespace = freshNamespace();
  const events: OperationEvent[] = [];
  const listen = (event: unknown): void => void events.push(event as OperationEvent);
  let db: Database;

  beforeAll(async () => {
    db = await connect(leg.url, { namespace, engine: "scan" });
    subscribe(operationChannel, listen);
  });
  afterAll(async () => {
    unsubscribe(operationChannel, listen);
    await tidy((command, ...args) => db.redis.call(command, ...args), namespace, leg.search);
    await db.close();
  });

  test("tell what was done, by which commands, for how many rows", async () => {
    const repository = db.repository(Rich);
    const first = await repository.insert({ id: "a", text: "marker-value" });
    await repository.save(first);
    await expectFailure(repository.save(first), "VERSION_CONFLICT");
    await repository.findById("a");
    await repository.query().where("text").eq("marker-value").limit(3).all();
    await repository.count();
    await repository.saveMany([
      { id: "b", text: "x" },
      { id: "c", text: "y" },
    ]);
    await repository.delete("a");
    expect(events.map(({ operation, entity, rows, error }) => [operation, entity, rows, error])).toEqual([
      ["insert", "rich", 1, undefined],
      ["save", "rich", 1, undefined],
      ["save", "rich", 1, "VERSION_CONFLICT"],
      ["findById", "rich", 1, undefined],
      ["query.all", "rich", 1, undefined],
      ["query.count", "rich", 0, undefined],
      ["saveMany", "rich", 2, undefined],
      ["delete", "rich", 1, undefined],
    ]);
    expect(events[1]?.commands).toEqual(["EVALSHA save"]);
    expect(events[4]?.commands).toEqual(["EVALSHA_RO query"]);
    expect(events[4]?.plan?.length).toBeGreaterThan(0);
    expect(events[3]?.plan).toBeUndefined();
    expect(events.every(({ milliseconds }) => milliseconds >= 0)).toBe(true);
    expect(JSON.stringify(events)).not.toContain("marker-value");
  });
});
