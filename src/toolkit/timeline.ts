// Timelines, each under a key of its own: the newest items, read page by page without skipping or repeating any.
// A stream keeps them, whose ids are the server's times; adding one and taking the oldest away is one command.
import { InvalidCursorError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { Attachable } from "../redis/attachment.ts";
import type { AnySchema, ValueInputOf, ValueOf } from "../schema/zod.ts";
import { holdings, Keyed, type KeyedOptions, type KeyHolding } from "./keyed.ts";
import { Piece } from "./piece.ts";

/** What `timeline` accepts. */
export interface TimelineOptions extends KeyedOptions {
  /** How many of the newest items are kept: 1 to 100 000. */
  readonly keep: number;
}

/** What `page` accepts. */
export interface TimelinePageOptions extends CallOptions {
  /** How many at most: 1 to 1000; 50 when left out. */
  readonly limit?: number;
  /** The cursor of the page before. */
  readonly after?: string | undefined;
}

/** An item of a timeline. */
export interface TimelineItem<T> {
  /** What the server calls it. */
  readonly id: string;
  /** When it was added, by the server's clock. */
  readonly at: Date;
  /** What was added. */
  readonly item: T;
}

/** Some items, the newest first, and where to read on. */
export interface TimelinePage<T> {
  /** The items. */
  readonly items: readonly TimelineItem<T>[];
  /** Reads on after these; undefined at the end. */
  readonly cursor: string | undefined;
}

function adding(holding: KeyHolding, item: unknown, keep: number): [command: string, ...words: (string | number)[]] {
  const [text = ""] = holding.texts([item]);
  return ["XADD", "MAXLEN", "=", keep, "*", "item", text];
}

const idPattern = /^\d{1,20}-\d{1,20}$/;

/** One timeline. */
export class Timeline<T, I = T> {
  readonly #holding: KeyHolding;
  readonly #keep: number;

  /**
   * Made by {@link timeline}.
   *
   * @internal
   * @param holding - sends its commands.
   * @param keep - how many are kept.
   */
  constructor(holding: KeyHolding, keep: number) {
    this.#holding = holding;
    this.#keep = keep;
  }

  /**
   * Adds an item, and takes away what is too much. One round trip (XADD).
   *
   * @param item - the item.
   * @returns what the server calls it.
   * @throws ValidationError when it does not fit its schema.
   */
  async add(item: I): Promise<string> {
    return String(await this.#holding.write("add", ...adding(this.#holding, item, this.#keep)));
  }

  /**
   * Reads items, the newest first. One round trip (XREVRANGE). What is added meanwhile moves no page.
   *
   * @param options - how many, after which cursor; deadline in milliseconds, and signal.
   * @returns a page of items.
   * @throws CorruptEntityError when one of them does not fit its schema.
   * @throws InvalidCursorError when the cursor is of nothing here.
   */
  async page(options: TimelinePageOptions = {}): Promise<TimelinePage<T>> {
    const { limit = 50, after, ...rest } = options;
    if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
      throw this.#holding.problem("limit is a whole number from 1 to 1000");
    }
    if (after !== undefined && !idPattern.test(after)) {
      throw new InvalidCursorError(`timeline ${this.#holding.part}: the cursor is of nothing here`);
    }
    const from = after === undefined ? "+" : `(${after}`;
    const reply = await this.#holding.read("page", rest, "XREVRANGE", from, "-", "COUNT", limit);
    const items = (reply as [id: string, fields: string[]][]).map(([id, fields]) => ({
      id,
      at: new Date(Number.parseInt(id, 10)),
      item: this.#holding.item(fields[1]) as T,
    }));
    return { items, cursor: items.length < limit ? undefined : items.at(-1)?.id };
  }

  /**
   * Takes an item away. One round trip (XDEL).
   *
   * @param id - what the server calls it.
   * @returns false when it is not there.
   */
  async remove(id: string): Promise<boolean> {
    if (!idPattern.test(id)) throw this.#holding.problem("an item's id is what `add` gave");
    return (await this.#holding.write("remove", "XDEL", id)) === 1;
  }

  /**
   * Counts the items. One round trip (XLEN).
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns how many there are.
   */
  async length(options: CallOptions = {}): Promise<number> {
    return Number(await this.#holding.read("length", options, "XLEN"));
  }

  /** Takes every item away. One round trip (UNLINK). */
  clear(): Promise<void> {
    return this.#holding.clear();
  }
}

/** Timelines, each under a key. */
export class Timelines<T, I = T> extends Keyed<Timeline<T, I>> {
  readonly #piece: Piece;
  readonly #held: (key: string, options: CallOptions) => KeyHolding;
  readonly #keep: number;

  /**
   * Made by {@link timeline}.
   *
   * @internal
   * @param piece - its name and its way to the server.
   * @param held - makes what sends the commands of a key.
   * @param keep - how many items are kept.
   */
  constructor(piece: Piece, held: (key: string, options: CallOptions) => KeyHolding, keep: number) {
    super(piece, (key, options) => new Timeline(held(key, options), keep));
    this.#piece = piece;
    this.#held = held;
    this.#keep = keep;
  }

  /**
   * Adds an item to several timelines, such as those of somebody's followers. One round trip (XADD each, in one write).
   *
   * @param keys - whose timelines, up to 1000 of them.
   * @param item - the item.
   * @param options - deadline in milliseconds, and signal.
   * @throws ValidationError when the item does not fit its schema; it was added to none.
   * @throws RemoraError the first failure among them; the others have it.
   */
  async addToAll(keys: readonly string[], item: I, options: CallOptions = {}): Promise<void> {
    await this.#piece.many({ operation: "addToAll", write: true, ...options }, () => {
      if (keys.length > 1000) throw this.#piece.invalid("at most 1000 timelines at once");
      return [...new Set(keys)].map((key) => {
        const holding = this.#held(key, options);
        return holding.writing(...adding(holding, item, this.#keep));
      });
    });
  }
}

/**
 * Timelines, each under a key of its own.
 *
 * @param db - the database.
 * @param name - what to call them: the middle part of their keys.
 * @param schema - what the items are: anything that a field of an entity may be, but never absent.
 * @param options - how many items each keeps, and how long they live, from the last write on unless `sliding` is `none`.
 * @returns the timeline of each key, by `of(key)`; nothing is sent yet.
 * @throws DefinitionError when the name is refused, or such items cannot be stored.
 * @throws ValidationError when `keep` or the time is refused.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { timeline } from "remora/toolkit";
 * import { z } from "zod";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const home = timeline(db, "home", z.object({ by: z.string(), text: z.string() }), { keep: 800 });
 * await home.addToAll(["ada", "bob"], { by: "eve", text: "Hello" });
 * const { items, cursor } = await home.of("ada").page({ limit: 20 });
 * await home.of("ada").page({ limit: 20, after: cursor });
 * await db.close();
 * ```
 */
export function timeline<S extends AnySchema>(
  db: Attachable,
  name: string,
  schema: S,
  options: TimelineOptions,
): Timelines<ValueOf<S>, ValueInputOf<S>> {
  const piece = new Piece(db, "timeline", name);
  const { keep } = options;
  if (!Number.isInteger(keep) || keep < 1 || keep > 100_000) {
    throw piece.invalid("keep is a whole number from 1 to 100 000");
  }
  const held = holdings(piece, piece.codec(schema, "an item", "item"), { sliding: "write", ...options });
  return new Timelines(piece, held, keep);
}
