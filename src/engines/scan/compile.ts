// From a formula to the scan script's program: keys by position, bounds, the index to walk.
// Everything a caller supplied travels as data inside one JSON argument.
import { sortIndex } from "../../query/check.ts";
import { type Area, isCircle, radiusOf } from "../../query/geo.ts";
import { all, every, type Formula, type Leaf, type TermBound } from "../../query/normalise.ts";
import type { Position, QueryNode } from "../../query/node.ts";
import type { IndexMetadata } from "../../schema/metadata.ts";
import { coveringCells } from "./cells.ts";
import { type UsedCompound, usableCompound } from "./compound.ts";
import { unfoldRanges } from "./unfold.ts";
import { gramsOf } from "./vocabulary.ts";
import { isTextual, type Layout, type Slot, type SlotKind } from "../layout.ts";
import type { Want } from "../engine.ts";

/** A node of the script's filter; 0 for no condition. */
type Node = readonly (string | number | readonly (string | Node)[])[] | 0;

/** A sorted index to walk. */
interface Phase {
  readonly kind: "scores" | "lex" | "ids";
  readonly key: number;
  /** The condition that bounds the walk, or 0. */
  readonly range: Node;
  /** What is left of the filter within these bounds. */
  readonly filter: Node | "whole";
}

/** Where a walk stopped. */
export interface ScanCursor {
  readonly phase: number;
  /** The last entry that was seen; missing where several spans are walked by turns. */
  readonly member?: string;
  readonly score?: string;
  /** The spans, and how far each was seen. */
  readonly spread?: unknown;
  /** A set that is read by the server's cursor. */
  readonly set?: string;
  readonly at?: string;
  /** What the set begins with, by which another server is told. */
  readonly head?: string;
}

/** The place behind which a query begins: as the walk's own cursor, and as the sort compares it. */
interface After extends ScanCursor {
  readonly id: string;
  readonly value: string | 0;
}

/** What the script must know to name everything that may be among the first so many. */
interface Sort {
  /** Per key: 1 and the position of a sorted set of scores, or 0 and a position in the snapshot. */
  readonly keys: readonly (readonly [numeric: 0 | 1, place: number])[];
  /** How many are needed. */
  readonly need: number;
  /** How many the client has. */
  readonly have: number;
  /** The first key of the last one needed, once it is known. */
  readonly edge: readonly [string | false] | 0;
  /** The first key's value to begin at; 0 for the start. */
  readonly from: string | 0;
}

/** What the script is given, beside the keys. */
export interface Program {
  readonly want: Want;
  readonly filter: Node;
  readonly order: { readonly key: number; readonly numeric: number; readonly position: number } | 0;
  readonly desc: number;
  readonly phases: readonly Phase[];
  readonly expiry: boolean;
  readonly skip: number;
  readonly limit: number;
  readonly budget: number;
  readonly cursor: ScanCursor | 0;
  /** All that matches is wanted, in whatever order. */
  readonly whole: boolean;
  /** Without an order, what is walked may be walked from many places by turns. */
  readonly spread: boolean;
  /** Where to begin; 0 at the start. */
  readonly after: After | 0;
  /** Only what a vector set says is nearest: at least so many that pass the filter; looking at so many at once, 0 for all. */
  readonly nearest?: { readonly key: number; readonly want: number; readonly effort: number };
  /** Only tell how many the indexes know of. */
  readonly estimate?: true;
  /** Several sort keys, which the client sorts by; 0 where the walk itself gives the order. */
  readonly sort: Sort | 0;
}

/** A program and the keys it names. */
export interface Compiled {
  readonly keys: readonly string[];
  readonly program: Program;
  /** The compound index that is walked. */
  readonly compound: string | undefined;
}

/** Ids looked at per call before the client is asked to call again. */
const budget = 4000;

/**
 * Compiles a query for the scan script.
 *
 * @param layout - the type's layout.
 * @param query - a checked query.
 * @param condition - its condition in plain form.
 * @param want - rows, ids or a count.
 * @param whole - whether all that matches is wanted, in whatever order.
 * @returns keys and program.
 */
export function compileScan(
  layout: Layout,
  query: QueryNode,
  condition: Formula,
  want: Want,
  whole = want === "count",
): Compiled {
  const compiler = new ScanCompiler(layout);
  const formula = unfoldRanges(condition);
  const filter = compiler.node(formula);
  const [orderKey] = query.orderBy;
  const sort = orderKey && sortIndex(layout.metadata, orderKey.path);
  const compound = usableCompound(layout, query, formula, want);
  // Without an order, pages still go by one: that of the sorted set that is walked, else by id.
  const bounded = query.after === undefined ? compiler.boundedSlot(formula) : undefined;
  const walked = compound === undefined ? bounded : compound.order && compiler.sortedSlot(compound.order);
  const ordering = sort ? compiler.sortedSlot(sort) : walked;
  // A count needs no order: a sorted index that a condition bounds is shorter than the one asked for.
  const phases =
    compound === undefined
      ? compiler.phases(want === "count" ? bounded : ordering, formula)
      : compiler.compoundPhases(compound);
  const program: Program = {
    want,
    filter,
    order:
      ordering === undefined
        ? 0
        : {
            key: compiler.key(ordering.key),
            numeric: ordering.kind === "scores" ? 1 : 0,
            position: ordering.position + 1,
          },
    desc: orderKey?.direction === "desc" ? 1 : 0,
    phases,
    expiry: layout.expiry !== undefined,
    skip: query.offset,
    limit: query.limit ?? 0,
    budget,
    cursor: 0,
    whole,
    spread: query.orderBy.length === 0 && query.after === undefined && want !== "count" && phases[0]?.filter !== 0,
    after: typeof query.after === "object" ? afterOf(query.after, phases) : 0,
    sort: query.orderBy.length > 1 && want !== "count" ? compiler.sort(query, phases) : 0,
  };
  return { keys: compiler.keys, program, compound: compound?.name };
}

class ScanCompiler {
  readonly keys: string[];
  readonly #layout: Layout;

  constructor(layout: Layout) {
    const ids = layout.ids as string;
    this.#layout = layout;
    this.keys = [ids, layout.expiry ?? ids, layout.snapshot ?? ids];
  }

  /** The position of a key among KEYS, from 1. */
  key(key: string): number {
    const known = this.keys.indexOf(key, key === this.#layout.ids ? 0 : 3);
    return known >= 0 ? known + 1 : this.keys.push(key);
  }

  slot(index: IndexMetadata, kind: SlotKind): Slot {
    // Two indexes on one field may share a sorted set, whichever of them it is kept for.
    const slots = this.#layout.slots.filter((slot) => slot.index.path === index.path && slot.kind === kind);
    return (slots.find((slot) => slot.index.kind === index.kind) ?? slots[0]) as Slot;
  }

  node(formula: Formula): Node {
    switch (formula.type) {
      case "all":
      case "none":
        return 0;
      case "every":
      case "some":
        return [formula.type, ...formula.items.map((item) => this.node(item))] as Node;
      default:
        return this.#leaf(formula);
    }
  }

  #leaf(leaf: Leaf): Node {
    const negated = leaf.negated ? 1 : 0;
    const { index } = leaf;
    switch (leaf.type) {
      case "terms": {
        const slot = this.slot(index, "terms");
        const single = index.kind === "exact" && !index.array ? 1 : 0;
        return ["terms", negated, slot.key, leaf.terms, slot.position + 1, single];
      }
      case "points": {
        const slot = this.sortedSlot(index);
        return ["points", negated, this.key(slot.key), leaf.terms, slot.position + 1, isTextual(index) ? 0 : 1];
      }
      case "range": {
        const slot = this.sortedSlot(index);
        return [slot.kind, negated, this.key(slot.key), ...bound(leaf.lower), ...bound(leaf.upper), slot.position + 1];
      }
      case "infix": {
        const slot = this.slot(index, "grams");
        const grams = leaf.grams ?? gramsOf(leaf.text, leaf.atEnd) ?? [];
        const any = leaf.grams === undefined ? 0 : 1;
        return ["infix", negated, slot.key, leaf.text, leaf.atEnd ? 1 : 0, grams, any, slot.position + 1];
      }
      case "phrase": {
        const slot = this.slot(index, "terms");
        return ["phrase", negated, slot.key, leaf.words, slot.position + 1];
      }
      case "within":
        return this.#within(leaf.area, negated, this.key(this.slot(index, "geo").key));
      case "words":
        throw new TypeError(`${index.path}: its words are not known yet`);
      case "native":
        throw new TypeError(`${index.path}: matchNative was to be refused`);
      case "absent": {
        const slot = this.#layout.absent.find((absent) => absent.path === index.path);
        return ["absent", negated, this.key(slot?.key ?? "")];
      }
    }
  }

  #within(area: Area, negated: 0 | 1, key: number): Node {
    const cells = coveringCells(area);
    if (isCircle(area)) {
      return ["circle", negated, key, cells, area.center.longitude, area.center.latitude, radiusOf(area)];
    }
    return ["box", negated, key, cells, area.west, area.south, area.east, area.north];
  }

  /** The sorted set of an index. */
  sortedSlot(index: IndexMetadata): Slot {
    return this.slot(index, isTextual(index) ? "lex" : "scores");
  }

  /** All sort keys; a walk in the order of the first one begins where its value does. */
  sort({ metadata, orderBy, offset, limit = 0, after }: QueryNode, phases: readonly Phase[]): Sort {
    const keys = orderBy.map(({ path }) => {
      const slot = this.sortedSlot(sortIndex(metadata, path) as IndexMetadata);
      return slot.kind === "scores" ? ([1, this.key(slot.key)] as const) : ([0, slot.position + 1] as const);
    });
    const term = typeof after === "object" ? (after.terms[0] ?? null) : null;
    const from = term === null || phases[0]?.kind === "ids" ? 0 : term;
    return { keys, need: offset + limit, have: 0, edge: 0, from };
  }

  /** The sorted set of the first condition that bounds one. */
  boundedSlot(formula: Formula): Slot | undefined {
    const [range] = boundingRanges(formula);
    return range && this.sortedSlot(range.index);
  }

  /** The sorted set, then the entities without a value, which come last in both directions; without one, all ids. */
  phases(slot: Slot | undefined, formula: Formula): Phase[] {
    if (slot === undefined) return [{ kind: "ids", key: 1, range: 0, filter: "whole" }];
    const absent = this.#layout.absent.find((candidate) => candidate.path === slot.index.path);
    return this.#sortedPhases(slot, slot.key, absent?.key, formula, "whole");
  }

  /** The sorted sets of one combination of values, within which only the rest of the condition is asked. */
  compoundPhases({ order, key, absentKey, rest }: UsedCompound): Phase[] {
    const filter = this.node(rest);
    if (order === undefined) return [{ kind: "ids", key: this.key(key), range: 0, filter }];
    return this.#sortedPhases(this.sortedSlot(order), key, absentKey, rest, filter);
  }

  #sortedPhases(
    slot: Slot,
    key: string,
    absentKey: string | undefined,
    rest: Formula,
    filter: Phase["filter"],
  ): Phase[] {
    const range = boundingRanges(rest).find((item) => this.sortedSlot(item.index).key === slot.key);
    const first: Phase = {
      kind: slot.kind as "scores" | "lex",
      key: this.key(key),
      range: range === undefined ? 0 : this.node(range),
      filter: range === undefined ? filter : this.node(without(rest, range)),
    };
    if (absentKey === undefined || range !== undefined) return [first];
    return [first, { kind: "ids", key: this.key(absentKey), range: 0, filter }];
  }
}

function afterOf({ terms, id }: Position, phases: readonly Phase[]): After {
  const term = terms[0] ?? null;
  const kind = phases[0]?.kind;
  if (kind === "ids") return { phase: 1, member: id, id, value: 0 };
  // Behind a place without a value there are only others without one.
  if (term === null) return { phase: 2, member: id, id, value: 0 };
  if (kind === "scores") return { phase: 1, member: id, score: term, id, value: term };
  return { phase: 1, member: `${term}\u0000${id}`, id, value: term };
}

// What lies within the bounds of a walk need not be asked again whether it does.
function without(formula: Formula, leaf: Leaf): Formula {
  return formula.type === "every" ? every(formula.items.filter((item) => item !== leaf)) : all;
}

// The conditions that every match must meet and that bound a sorted set.
function boundingRanges(formula: Formula): Leaf[] {
  const items = formula.type === "every" ? formula.items : [formula];
  return items.filter((item): item is Leaf => item.type === "range" && !item.negated);
}

function bound(value: TermBound | undefined): [string | 0, 0 | 1] {
  return value === undefined ? [0, 0] : [value.term, value.exclusive ? 1 : 0];
}
