// Transactions and changes: typed by the definitions they are about.
// Never run; each expected error must be one, or the type check fails.
import { describe, expectTypeOf, test } from "vitest";

import { type Change, type Database, type EntityOf, inc, type Repository } from "remora";
import { Movie } from "./definition.test-d.ts";

declare const db: Database;
declare const movies: Repository<typeof Movie>;
type Entity = EntityOf<typeof Movie>;

describe("transactions", () => {
  test("give back what their function does", () => {
    expectTypeOf(db.transaction(() => Promise.resolve(5))).resolves.toEqualTypeOf<number>();
    void db.transaction(async (tx) => {
      const repository = tx.repository(Movie);
      expectTypeOf(repository.findById("1")).resolves.toEqualTypeOf<Entity | null>();
      expectTypeOf(repository.update("1", { year: inc() })).resolves.toEqualTypeOf<Entity>();
      expectTypeOf(repository.delete("1")).resolves.toEqualTypeOf<void>();
      await repository.save(await repository.findByIdOrThrow("1"), { ttl: 5 });
    });
  });

  test("refuse what does not fit", () => {
    void db.transaction(async (tx) => {
      // @ts-expect-error another type
      await tx.repository(Movie).update("1", { year: "x" });
      // @ts-expect-error the id never changes
      await tx.repository(Movie).update("1", { id: "2" });
      // @ts-expect-error nearly nothing is there
      await tx.repository(Movie).insert({ title: "x" });
      // @ts-expect-error no definition
      tx.repository("movie");
    });
    // @ts-expect-error a function that waits
    void db.transaction(() => 5);
    // @ts-expect-error a number
    void db.transaction(() => Promise.resolve(), { retries: "5" });
  });
});

describe("changes", () => {
  test("say what happened", () => {
    expectTypeOf(movies.watch()).toEqualTypeOf<AsyncGenerator<Change, void, undefined>>();
    expectTypeOf<Change["op"]>().toEqualTypeOf<"insert" | "save" | "update" | "delete" | "expire">();
    void movies.watch({ group: "x", from: "start", takeOverAfter: 5 });
    // @ts-expect-error a number
    void movies.watch({ batchSize: "5" });
  });
});
