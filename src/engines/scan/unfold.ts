// Negated ranges made positive: what lies outside of a range lies below, above, or has no value.
// A set of ids can be listed and bounded by what it holds, never by what it does not.
import { every, type Formula, type Leaf, some } from "../../query/normalise.ts";

type Range = Extract<Leaf, { type: "range" }>;

/**
 * Rewrites a formula so that its negated ranges can be listed.
 *
 * @param formula - a formula.
 * @returns one that means the same; a single condition that cannot be told by one range stays, since it is counted as it is.
 */
export function unfoldRanges(formula: Formula): Formula {
  if (!isNegatedRange(formula)) return unfold(formula);
  const parts = outside(formula);
  return parts.length === 1 ? (parts[0] as Formula) : formula;
}

function unfold(formula: Formula): Formula {
  if (formula.type === "every") return every(formula.items.map(unfold));
  if (formula.type === "some") return some(formula.items.map(unfold));
  return isNegatedRange(formula) ? some(outside(formula)) : formula;
}

function isNegatedRange(formula: Formula): formula is Range {
  return formula.type === "range" && formula.negated;
}

function outside({ index, lower, upper }: Range): Formula[] {
  const parts: Formula[] = [];
  const part = { type: "range", index, negated: false } as const;
  if (lower !== undefined) parts.push({ ...part, lower: undefined, upper: { ...lower, exclusive: !lower.exclusive } });
  if (upper !== undefined) parts.push({ ...part, lower: { ...upper, exclusive: !upper.exclusive }, upper: undefined });
  if (index.absentable) parts.push({ type: "absent", index, negated: false });
  return parts;
}

/**
 * Tells whether an index can name all that a formula holds for, or something more than that.
 *
 * @param formula - a formula.
 * @returns false when only a look at every id can tell.
 */
export function isNarrowed(formula: Formula): boolean {
  if (formula.type === "every") return formula.items.some(isNarrowed);
  if (formula.type === "some") return formula.items.every(isNarrowed);
  return formula.type === "none" || (formula.type !== "all" && (!formula.negated || formula.type === "range"));
}
