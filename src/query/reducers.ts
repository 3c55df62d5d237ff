// The rows of an aggregation, made from entities as they come: one group per key, one state per reducer.
// Sums are exact until the end, so that no engine's order of entities can change a digit.
import { shapeAt, valueAt } from "../schema/shape.ts";
import type { AggregateNode, Reducer } from "./aggregate.ts";
import type { Operand } from "./node.ts";
import { compareValues } from "./order.ts";

/** Takes values, gives what is to be known of them. */
interface State {
  add(value: unknown, count: number): void;
  result(): unknown;
}

interface Group {
  readonly keys: readonly (Operand | null)[];
  readonly states: readonly State[];
}

interface Named {
  readonly name: string;
  readonly names: readonly string[] | undefined;
  readonly reducer: Reducer<unknown>;
  /** The sum of nothing. */
  readonly zero: 0 | 0n;
}

/** Sums up entities into groups. */
export class Grouping {
  readonly #groupBy: readonly (readonly string[])[];
  readonly #paths: readonly string[];
  readonly #reducers: readonly Named[];
  readonly #groups = new Map<string, Group>();

  /**
   * @param node - a checked aggregation.
   */
  constructor({ query, groupBy, reducers }: AggregateNode) {
    this.#paths = groupBy;
    this.#groupBy = groupBy.map((path) => path.split("."));
    this.#reducers = Object.entries(reducers).map(([name, reducer]) => ({
      name,
      names: reducer.path?.split("."),
      reducer,
      zero: shapeAt(query.metadata.shape, reducer.path ?? "")?.shape.kind === "bigint" ? 0n : 0,
    }));
    // Without groups there is one, even of nothing.
    if (groupBy.length === 0) this.#group([]);
  }

  /**
   * Takes an entity, or several that are alike.
   *
   * @param entity - with at least the fields that are grouped by and reduced.
   * @param count - how many there are.
   */
  readonly take = (entity: unknown, count: number): void => {
    const values = this.#reducers.map(({ names }) => (names === undefined ? entity : valueAt(entity, names)));
    for (const keys of combinations(this.#groupBy.map((names) => keysOf(valueAt(entity, names))))) {
      const { states } = this.#group(keys);
      for (const [at, value] of values.entries()) if (value !== undefined) states[at]?.add(value, count);
    }
  };

  /**
   * @returns one row per group, in no order.
   */
  rows(): Record<string, unknown>[] {
    return [...this.#groups.values()].map(({ keys, states }) =>
      Object.fromEntries([
        ...this.#paths.map((path, at) => [path, keys[at]] as const),
        ...this.#reducers.map(({ name }, at) => [name, states[at]?.result()] as const),
      ]),
    );
  }

  #group(keys: readonly (Operand | null)[]): Group {
    const label = keys.length === 1 ? labelOf(keys[0]) : JSON.stringify(keys.map(labelOf));
    const known = this.#groups.get(label);
    if (known !== undefined) return known;
    const group = { keys, states: this.#reducers.map(stateOf) };
    this.#groups.set(label, group);
    return group;
  }
}

// Values of one field are of one type: null apart, their texts tell them apart.
function labelOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  return `=${value instanceof Date ? value.getTime() : String(value as string | number | bigint | boolean)}`;
}

function keysOf(value: unknown): readonly (Operand | null)[] {
  if (value === undefined) return [null];
  if (!Array.isArray(value)) return [value as Operand];
  const items = new Map(
    (value as (Operand | null | undefined)[]).flatMap((item) =>
      item === null || item === undefined ? [] : [[labelOf(item), item] as const],
    ),
  );
  return items.size === 0 ? [null] : [...items.values()];
}

function combinations(keys: readonly (readonly (Operand | null)[])[]): (Operand | null)[][] {
  let all: (Operand | null)[][] = [[]];
  for (const some of keys) all = all.flatMap((before) => some.map((key) => before.concat(key)));
  return all;
}

function stateOf({ reducer: { type, share = 0 }, zero }: Named): State {
  switch (type) {
    case "count": {
      let total = 0;
      return { add: (_, count) => void (total += count), result: () => total };
    }
    case "countDistinct": {
      const seen = new Set<string>();
      return {
        add(value) {
          for (const item of keysOf(value)) if (item !== null) seen.add(labelOf(item));
        },
        result: () => seen.size,
      };
    }
    case "sum":
      return sumState(zero);
    case "avg": {
      const sum = new ExactSum();
      let total = 0;
      return {
        add(value, count) {
          sum.add(value as number, count);
          total += count;
        },
        result: () => (total === 0 ? null : sum.value() / total),
      };
    }
    case "min":
    case "max": {
      const sign = type === "min" ? 1 : -1;
      let best: Operand | null = null;
      return {
        add(value) {
          if (best === null || compareValues(value as Operand, best) * sign < 0) best = value as Operand;
        },
        result: () => best,
      };
    }
    case "quantile":
      return quantileState(share);
  }
}

function sumState(zero: 0 | 0n): State {
  if (zero === 0) {
    const sum = new ExactSum();
    return { add: (value, count) => sum.add(value as number, count), result: () => sum.value() };
  }
  let whole = 0n;
  return { add: (value, count) => void (whole += (value as bigint) * BigInt(count)), result: () => whole };
}

function quantileState(share: number): State {
  const counts = new Map<number, number>();
  return {
    add: (value, count) => void counts.set(value as number, (counts.get(value as number) ?? 0) + count),
    result() {
      const sorted = [...counts].sort(([left], [right]) => left - right);
      const total = sorted.reduce((sum, [, count]) => sum + count, 0);
      // Shares are decimal fractions: 7 of 100 are not to become 8 by the product's last digit.
      const rank = Number((share * total).toPrecision(14));
      let before = 0;
      for (const [value, count] of sorted) {
        before += count;
        if (before >= rank) return value;
      }
      return null;
    },
  };
}

/** A sum of doubles without rounding on the way: as parts that do not overlap (Shewchuk's method). */
class ExactSum {
  #parts: number[] = [];
  // Beyond the greatest double there is nothing exact; what is not finite stays so.
  #lost = 0;

  add(value: number, count: number): void {
    // So many times a value is a sum of its doublings, which are exact.
    let [doubled, left] = [value, count];
    while (left > 0) {
      if (left % 2 === 1) this.#addOne(doubled);
      doubled *= 2;
      left = Math.floor(left / 2);
    }
  }

  #addOne(value: number): void {
    if (!Number.isFinite(value)) {
      this.#lost += value;
      return;
    }
    const parts: number[] = [];
    let rest = value;
    for (const part of this.#parts) {
      const [large, small] = Math.abs(rest) < Math.abs(part) ? [part, rest] : [rest, part];
      const sum = large + small;
      const low = small - (sum - large);
      if (low !== 0) parts.push(low);
      rest = sum;
    }
    parts.push(rest);
    this.#parts = parts;
  }

  value(): number {
    if (this.#lost !== 0) return this.#lost;
    // From the greatest part down, until one does not fit any more; then it decides how a half is rounded.
    let at = this.#parts.length - 1;
    let sum = this.#parts[at] ?? 0;
    while (at > 0) {
      at -= 1;
      const before = sum;
      const part = this.#parts[at] as number;
      sum = before + part;
      const low = part - (sum - before);
      if (low === 0) continue;
      const next = this.#parts[at - 1];
      if (next !== undefined && Math.sign(next) === Math.sign(low)) {
        const doubled = low * 2;
        if (doubled === sum + doubled - sum) sum += doubled;
      }
      break;
    }
    return sum === 0 ? 0 : sum;
  }
}
