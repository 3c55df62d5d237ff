// What relations say of deletions: who goes along, who forbids it, who loses the reference; to any depth, and round in circles.
// The same on every engine and storage, for deletions by id, of many, and by query.
import { expect, test, vi } from "vitest";
import { z } from "zod";

import {
  defineEntity,
  type EntityDefinition,
  type EntityHooks,
  exact,
  range,
  relations,
  type Relations,
  type Repository,
  ValidationError,
} from "remora";
import { Executor } from "../../src/redis/executor.ts";
import type { Storage } from "../../src/schema/metadata.ts";
import { expectFailure, expectRefusal } from "./failures.ts";
import { type Bench, describeMatrix } from "./matrix.ts";

interface Options {
  readonly hooks?: EntityHooks<never, never>;
  readonly partitions?: number;
}

/** Publishers have authors, who have books, which have pages and loans; and reviewers, whom books name. */
function library(storage: Storage, { hooks, partitions }: Options = {}) {
  const text = z.string();
  const Publisher = defineEntity({
    name: "publisher",
    storage,
    schema: z.object({ id: text, name: text.default(""), version: z.int() }),
    version: "version",
    ...(hooks === undefined ? {} : { hooks: hooks as never }),
  });
  const Author = defineEntity({
    name: "author",
    storage,
    schema: z.object({ id: text, publisherId: text }),
    index: { publisherId: exact() },
  });
  const Book = defineEntity({
    name: "book",
    storage,
    schema: z.object({
      id: text,
      authorId: text,
      editorId: text.nullable().default(null),
      more: z.object({ reviewerId: text.optional() }).default({}),
      year: z.int().default(0),
    }),
    index: { authorId: exact(), editorId: exact(), "more.reviewerId": exact(), year: range() },
  });
  const Page = defineEntity({
    name: "page",
    storage,
    schema: z.object({ id: text, bookId: text }),
    index: { bookId: exact() },
    ...(partitions === undefined ? {} : { partitions }),
  });
  const Loan = defineEntity({
    name: "loan",
    storage,
    schema: z.object({ id: text, bookId: text }),
    index: { bookId: exact() },
  });
  const Editor = defineEntity({ name: "editor", storage, schema: z.object({ id: text }) });
  const declared = [
    relations(Publisher, ({ many }) => ({ authors: many(Author, { field: "publisherId", onDelete: "cascade" }) })),
    relations(Author, ({ many }) => ({ books: many(Book, { field: "authorId", onDelete: "cascade" }) })),
    relations(Book, ({ one, many }) => ({
      pages: many(Page, { field: "bookId", onDelete: "cascade" }),
      loans: many(Loan, { field: "bookId", onDelete: "restrict" }),
      editor: one(Editor, { field: "editorId", onDelete: "setNull" }),
      reviewer: one(Editor, { field: "more.reviewerId", onDelete: "setNull" }),
    })),
  ];
  return { Publisher, Author, Book, Page, Loan, Editor, declared };
}

async function openTypes<T extends Record<string, EntityDefinition>>(
  { open }: Pick<Bench, "open">,
  types: T,
  declared: readonly Relations[],
) {
  const [first] = Object.values(types);
  const opened = await open(() => first as EntityDefinition, { relations: declared });
  const repositories = Object.fromEntries(
    Object.entries(types).map(([name, type]) => [name, opened.db.repository(type)]),
  ) as unknown as { readonly [K in keyof T]: Repository<T[K]> };
  await Promise.all(
    (Object.values(repositories) as unknown as Repository<EntityDefinition>[]).map(({ indexes }) => indexes.sync()),
  );
  return { ...opened, ...repositories };
}

async function openLibrary(bench: Bench, options: Options = {}) {
  const { declared, ...types } = library(bench.storage, options);
  const opened = await openTypes(bench, types, declared);
  const { Publisher, Author, Book, Page } = opened;
  await Publisher.insertMany([{ id: "p1" }, { id: "p2" }]);
  await Author.insertMany(["a1", "a2", "a3"].map((id) => ({ id, publisherId: id === "a3" ? "p2" : "p1" })));
  await Book.insertMany(["b1", "b2", "b3"].map((id, at) => ({ id, authorId: `a${at + 1}` })));
  await Page.insertMany(
    ["1", "2", "3"].flatMap((book) => ["x", "y"].map((id) => ({ id: id + book, bookId: `b${book}` }))),
  );
  const left = async () => {
    const all = [Publisher, Author, Book, Page] as unknown as readonly Repository<EntityDefinition>[];
    const ids = await Promise.all(all.map((repository) => repository.query().ids()));
    return ids.flat().sort();
  };
  return { ...opened, left };
}

const everything = ["a1", "a2", "a3", "b1", "b2", "b3", "p1", "p2", "x1", "x2", "x3", "y1", "y2", "y3"];
const second = ["a3", "b3", "p2", "x3", "y3"];

describeMatrix(
  "onDelete",
  (bench) => {
    test("cascade takes along what refers to an entity, to any depth, and nothing else", async () => {
      const { Publisher, left } = await openLibrary(bench);
      expect(await Publisher.delete("p1")).toBe(true);
      expect(await left()).toEqual(second);
      expect(await Publisher.delete("p1")).toBe(false);
      const { deleted, failed } = await Publisher.deleteMany(["p2", "none"]);
      expect([deleted, failed]).toEqual([1, []]);
      expect(await left()).toEqual([]);
    });

    test("cascade follows deletions by query", async () => {
      const { Author, left } = await openLibrary(bench);
      expect(await Author.query().where("publisherId").eq("p1").delete()).toEqual({
        matched: 2,
        changed: 2,
        conflicts: 0,
      });
      expect(await left()).toEqual(["p1", ...second].sort());
    });

    test("restrict forbids a deletion before anything goes, however deep the reference lies", async () => {
      const opened = await openLibrary(bench);
      const { Publisher, Author, Book, Loan, left } = opened;
      await Loan.insert({ id: "l", bookId: "b2" });
      const error = await expectRefusal(opened, () => Book.delete("b2"), "RELATION");
      expect(error).toMatchObject({
        entity: "book",
        id: "b2",
        relation: "book.loans",
        referrer: "loan",
        referrerId: "l",
      });
      expect(error.message).toBe(
        'book "b2" is not deleted: loan "l" refers to it by bookId, and book.loans says restrict; delete or change what refers to it first',
      );
      await expectRefusal(opened, () => Publisher.delete("p1"), "RELATION");
      await expectRefusal(opened, () => Author.query().where("publisherId").eq("p1").delete(), "RELATION");
      expect(await left()).toEqual(everything);
      const { deleted, failed } = await Publisher.deleteMany(["p1", "p2"]);
      expect([deleted, failed.map((one) => one.error.code)]).toEqual([1, ["RELATION"]]);
      await Loan.delete("l");
      expect(await Publisher.delete("p1")).toBe(true);
      expect(await left()).toEqual([]);
    });

    test("setNull takes the reference away, by null or by leaving the field out", async () => {
      const { Book, Editor } = await openLibrary(bench);
      await Editor.insertMany([{ id: "e" }, { id: "f" }]);
      await Book.update("b1", { editorId: "e", "more.reviewerId": "e" });
      await Book.update("b2", { editorId: "f", "more.reviewerId": "e" });
      expect(await Editor.delete("e")).toBe(true);
      expect(await Book.findById("b1")).toEqual({ id: "b1", authorId: "a1", editorId: null, more: {}, year: 0 });
      expect(await Book.findById("b2")).toEqual({ id: "b2", authorId: "a2", editorId: "f", more: {}, year: 0 });
      expect(await Book.query().where("editorId").eq("e").count()).toBe(0);
      expect((await Editor.query().delete()).changed).toBe(1);
      expect(await Book.findById("b2")).toMatchObject({ editorId: null });
    });

    test("goes in batches, children before parents", async () => {
      const { Publisher, Author, Book } = await openLibrary(bench);
      await Author.insertMany(Array.from({ length: 130 }, (_, at) => ({ id: `m${at}`, publisherId: "p2" })));
      await Book.insertMany(Array.from({ length: 130 }, (_, at) => ({ id: `n${at}`, authorId: `m${at}` })));
      const spy = vi.spyOn(Executor.prototype, "one");
      expect(await Publisher.delete("p2")).toBe(true);
      const removals = spy.mock.calls.flatMap(([request, { write }]) =>
        write && "script" in request ? [request.keys.filter((key) => /\}:/.test(key))] : [],
      );
      spy.mockRestore();
      expect(Math.max(...removals.map((keys) => keys.length))).toBe(50);
      expect(removals.at(-1)).toEqual([Publisher.key("p2")]);
      const order = removals.flat();
      for (const at of [0, 77, 129]) {
        expect(order.indexOf(Book.key(`n${at}`))).toBeLessThan(order.indexOf(Author.key(`m${at}`)));
      }
      expect([await Author.count(), await Book.count()]).toEqual([2, 2]);
    });

    test("does nothing for an entity that is not there, has another version, or that a hook keeps", async () => {
      const keep: EntityHooks<never, never> = {
        beforeDelete(entity: { readonly name: string }) {
          if (entity.name === "kept") throw new ValidationError("kept");
        },
      };
      const opened = await openLibrary(bench, { hooks: keep });
      const { Publisher, Author, left } = opened;
      await Author.insert({ id: "orphan", publisherId: "none" });
      expect(await Publisher.delete("none")).toBe(false);
      await expectRefusal(opened, () => Publisher.delete("p1", { ifVersion: 7 }), "VERSION_CONFLICT");
      await Publisher.save({ id: "p1", name: "kept", version: 1 });
      await expectRefusal(opened, () => Publisher.delete("p1"), "VALIDATION");
      expect(await left()).toEqual([...everything, "orphan"].sort());
      expect(await Publisher.delete("p2", { ifVersion: 1 })).toBe(true);
      expect(await left()).not.toContain("x3");
    });

    test("says nothing of transactions, and does not go with atomic", async () => {
      const { declared, ...types } = library(bench.storage);
      const opened = await openTypes(bench, types, declared);
      await opened.Publisher.insert({ id: "p" });
      await opened.Author.insert({ id: "a", publisherId: "p" });
      await expectRefusal(opened, () => opened.Publisher.deleteMany(["p"], { atomic: true }), "QUERY");
      await opened.db.transaction(async (tx) => tx.repository(types.Publisher).delete("p"));
      expect([await opened.Publisher.count(), await opened.Author.count()]).toEqual([0, 1]);
    });

    test("reaches entities that are spread over partitions", async () => {
      const { Publisher, left } = await openLibrary(bench, { partitions: 3 });
      await Publisher.delete("p1");
      expect(await left()).toEqual(second);
    });

    test("goes round in circles only once", async () => {
      const text = z.string();
      const { storage } = bench;
      const Left = defineEntity({
        name: "left",
        storage,
        schema: z.object({ id: text, to: text }),
        index: { to: exact() },
      });
      const Right = defineEntity({
        name: "right",
        storage,
        schema: z.object({ id: text, to: text }),
        index: { to: exact() },
      });
      const opened = await openTypes(bench, { Left, Right }, [
        relations(Left, ({ one }) => ({ right: one(Right, { field: "to", onDelete: "cascade" }) })),
        relations(Right, ({ one }) => ({ left: one(Left, { field: "to", onDelete: "cascade" }) })),
      ]);
      // Two circles, and a long way into the first.
      await opened.Left.insertMany(["a", "b", "c", "d"].map((id) => ({ id, to: id })));
      await opened.Left.insertMany(["e", "f", "g"].map((id) => ({ id, to: "a" })));
      await opened.Right.insertMany(
        ["a", "b", "c", "d"].map((id) => ({ id, to: id === "a" ? "b" : id === "b" ? "a" : id })),
      );
      expect(await opened.Left.delete("a")).toBe(true);
      expect((await opened.Left.query().ids()).sort()).toEqual(["c", "d"]);
      expect((await opened.Right.query().ids()).sort()).toEqual(["c", "d"]);
      expect((await opened.Right.query().delete()).changed).toBe(2);
      expect(await opened.Left.count()).toBe(0);
    });

    test.each(["cascade", "setNull", "restrict"] as const)("goes through trees, with %s", async (onDelete) => {
      const { storage } = bench;
      const Node = defineEntity({
        name: "node",
        storage,
        schema: z.object({ id: z.string(), parentId: z.string().nullable() }),
        index: { parentId: exact() },
      });
      const opened = await openTypes(bench, { Node }, [
        relations(Node, ({ many }) => ({ children: many(Node, { field: "parentId", onDelete }) })),
      ]);
      const nodes = opened.Node;
      // Each has three children, of which most are in another batch; the first is its own parent.
      const parentOf = (at: number): number => Math.max(0, Math.floor((at - 1) / 3));
      await nodes.insertMany(Array.from({ length: 120 }, (_, at) => ({ id: `${at}`, parentId: `${parentOf(at)}` })));
      const below = (root: number, at: number): boolean => at === root || (at > root && below(root, parentOf(at)));
      if (onDelete === "restrict") {
        await expectRefusal(opened, () => nodes.delete("1"), "RELATION");
        expect(await nodes.delete("119")).toBe(true);
        await expectRefusal(opened, () => nodes.delete("0"), "RELATION");
        return;
      }
      expect(await nodes.delete("1")).toBe(true);
      const left = (await nodes.query().ids()).map(Number);
      const wanted = Array.from({ length: 120 }, (_, at) => at).filter((at) =>
        onDelete === "cascade" ? !below(1, at) : at !== 1,
      );
      expect(left.sort((a, b) => a - b)).toEqual(wanted);
      if (onDelete === "setNull") {
        expect((await nodes.query().where("parentId").isNull().ids()).sort()).toEqual(["4", "5", "6"]);
      }
      expect(await nodes.delete("0")).toBe(true);
      if (onDelete === "cascade") expect(await nodes.count()).toBe(0);
      // What refers to others of its own batch goes as well.
      else expect(await nodes.query().delete()).toEqual({ matched: 118, changed: 118, conflicts: 0 });
      expect(await nodes.count()).toBe(0);
    });

    test("of entities between two takes them, not those on the other side", async () => {
      const { storage } = bench;
      const [Movie, Tag] = ["movie", "tag"].map((name) =>
        defineEntity({ name, storage, schema: z.object({ id: z.string() }) }),
      );
      const Link = defineEntity({
        name: "link",
        storage,
        schema: z.object({ id: z.string(), movieId: z.string(), tagId: z.string() }),
        index: { movieId: exact(), tagId: exact() },
      });
      if (Movie === undefined || Tag === undefined) return;
      const opened = await openTypes(bench, { Movie, Tag, Link }, [
        relations(Movie, ({ many }) => ({
          tags: many(Tag, { through: Link, from: "movieId", to: "tagId", onDelete: "cascade" }),
        })),
        relations(Tag, ({ many }) => ({
          movies: many(Movie, { through: Link, from: "tagId", to: "movieId", onDelete: "restrict" }),
        })),
      ]);
      await opened.Movie.insertMany([{ id: "m" }, { id: "n" }]);
      await opened.Tag.insert({ id: "t" });
      await opened.Link.insertMany(["m", "n"].map((movieId) => ({ id: movieId, movieId, tagId: "t" })));
      await expectRefusal(opened, () => opened.Tag.delete("t"), "RELATION");
      await opened.Movie.delete("m");
      expect([await opened.Tag.count(), await opened.Link.query().ids()]).toEqual([1, ["n"]]);
      await opened.Movie.query().delete();
      expect(await opened.Tag.delete("t")).toBe(true);
    });

    test("waits for an entity that is deleted softly until it is purged", async () => {
      const { storage } = bench;
      const softly = {
        storage,
        softDelete: "deletedAt",
      } as const;
      const User = defineEntity({
        ...softly,
        name: "user",
        schema: z.object({ id: z.string(), deletedAt: z.date().optional() }),
        index: { deletedAt: range() },
      });
      const Note = defineEntity({
        ...softly,
        name: "note",
        schema: z.object({ id: z.string(), userId: z.string(), deletedAt: z.date().optional() }),
        index: { userId: exact(), deletedAt: range() },
      });
      const Order = defineEntity({
        ...softly,
        name: "order",
        schema: z.object({ id: z.string(), userId: z.string().nullable(), deletedAt: z.date().optional() }),
        index: { userId: exact(), deletedAt: range() },
      });
      const opened = await openTypes(bench, { User, Note, Order }, [
        relations(User, ({ many }) => ({
          notes: many(Note, { field: "userId", onDelete: "cascade" }),
          orders: many(Order, { field: "userId", onDelete: "setNull" }),
        })),
      ]);
      await opened.User.insertMany([{ id: "u" }, { id: "v" }]);
      await opened.Note.insertMany(["a", "b"].map((id) => ({ id, userId: "u" })));
      await opened.Order.insertMany(["c", "d"].map((id) => ({ id, userId: "u" })));
      await opened.Order.delete("d");
      expect(await opened.User.delete("u")).toBe(true);
      expect([await opened.Note.count(), await opened.Order.findById("c")]).toMatchObject([2, { userId: "u" }]);
      expect(await opened.User.restore("u")).toBe(true);
      expect(await opened.User.purge("u")).toBe(true);
      // Children go as they are deleted anyway: softly.
      expect(await opened.Note.count()).toBe(0);
      expect(await opened.Note.restore("a")).toBe(true);
      expect((await opened.Order.query().withDeleted().where("userId").isNull().ids()).sort()).toEqual(["c", "d"]);
      await opened.Note.save({ id: "a", userId: "v" });
      expect(await opened.User.query().purge()).toMatchObject({ changed: 1 });
      expect(await opened.Note.count()).toBe(0);
    });

    test("stops where a hook of what goes along says no, and leaves what it is about", async () => {
      const { storage } = bench;
      const Parent = defineEntity({ name: "parent", storage, schema: z.object({ id: z.string() }) });
      const Child = defineEntity({
        name: "child",
        storage,
        schema: z.object({ id: z.string(), parentId: z.string() }),
        index: { parentId: exact() },
        hooks: {
          beforeDelete({ id }) {
            if (id === "b") throw new ValidationError("b stays");
          },
        },
      });
      const opened = await openTypes(bench, { Parent, Child }, [
        relations(Parent, ({ many }) => ({ children: many(Child, { field: "parentId", onDelete: "cascade" }) })),
      ]);
      await opened.Parent.insert({ id: "p" });
      await opened.Child.insertMany(["a", "b", "c"].map((id) => ({ id, parentId: "p" })));
      expect((await expectFailure(opened.Parent.delete("p"), "VALIDATION")).message).toBe("b stays");
      expect([await opened.Parent.count(), await opened.Child.count()]).toEqual([1, 3]);
    });

    test("is done once, by whoever of several is first", async () => {
      const { Publisher, left } = await openLibrary(bench);
      const outcomes = await Promise.all([Publisher.delete("p1"), Publisher.delete("p1"), Publisher.delete("p1")]);
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      expect(await left()).toEqual(second);
    });
  },
  ({ driver }) => driver === "ioredis6",
);
