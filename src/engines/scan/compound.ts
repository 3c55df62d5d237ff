// Which compound index of a type serves a query: all its equalities are asked for, and its order is the query's.
// The choice depends on conditions and order alone, so that every page of a query is of one order.
import { every, type Formula, type Leaf } from "../../query/normalise.ts";
import type { QueryNode } from "../../query/node.ts";
import type { CompoundMetadata } from "../../schema/compound.ts";
import type { IndexMetadata } from "../../schema/metadata.ts";
import type { Layout } from "../layout.ts";
import type { Want } from "../engine.ts";

/** A compound index as a query uses it. */
export interface UsedCompound {
  readonly name: string;
  /** What orders the ids of its sets; undefined for the ids themselves. */
  readonly order: IndexMetadata | undefined;
  readonly key: string;
  /** Where the ids without the value that orders are; undefined where there are none. */
  readonly absentKey: string | undefined;
  /** What is left of the condition within these sets. */
  readonly rest: Formula;
}

/**
 * Finds the compound index that serves a query best: the one that takes most conditions off it.
 *
 * @param layout - the type's layout.
 * @param query - a checked query.
 * @param formula - its condition in plain form.
 * @param want - what is wanted; a count needs no order.
 * @returns the index and its keys, or undefined where none serves.
 */
export function usableCompound(
  layout: Layout,
  query: QueryNode,
  formula: Formula,
  want: Want,
): UsedCompound | undefined {
  const items = formula.type === "every" ? formula.items : [formula];
  let best: { readonly used: UsedCompound; readonly taken: number } | undefined;
  for (const [at, compound] of layout.metadata.compounds.entries()) {
    const slot = layout.compounds[at];
    const leaves = compound.eq.map((index) => items.find((item) => isEquality(item, index)) as Leaf | undefined);
    if (slot === undefined || leaves.includes(undefined) || !serves(compound, query, want)) continue;
    const values = leaves.map((leaf) => (leaf as Extract<Leaf, { type: "terms" }>).terms[0]).join("\u0000");
    const bounded = items.some((item) => item.type === "range" && !item.negated && item.index === compound.order);
    const taken = leaves.length + (bounded ? 1 : 0);
    if (best !== undefined && best.taken >= taken) continue;
    const used = {
      name: compound.name,
      order: compound.order,
      key: slot.key + values,
      absentKey: slot.absentKey === undefined ? undefined : slot.absentKey + values,
      rest: every(items.filter((item) => !leaves.includes(item as Leaf))),
    };
    best = { used, taken };
  }
  return best?.used;
}

function isEquality(item: Formula, index: IndexMetadata): boolean {
  if (item.type !== "terms" && item.type !== "points") return false;
  return item.index === index && !item.negated && item.terms.length === 1;
}

function serves({ order }: CompoundMetadata, { orderBy, after }: QueryNode, want: Want): boolean {
  if (want === "count") return true;
  const [first] = orderBy;
  if (first !== undefined) return order?.path === first.path;
  // Places in the order of a query without one are ids.
  return after === undefined || order === undefined;
}
