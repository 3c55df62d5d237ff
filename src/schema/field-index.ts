// One index on one field: whether it may stand there, and what the other rooms have to know of it.
// The compiler refuses most of what is wrong already; here it is refused again.
import type { Index, IndexKind, VectorSettings } from "./index-kinds.ts";
import type { IndexMetadata } from "./metadata.ts";
import { nativeMetadata } from "./native.ts";
import type { ScalarKind, Shape, ShapeAtPath } from "./shape.ts";

/**
 * Checks an index on one field.
 *
 * @param path - the field.
 * @param field - its shape.
 * @param index - the index.
 * @param problem - receives what is wrong.
 * @returns the index's metadata; undefined when it cannot stand on such a field.
 */
export function compileIndex(
  path: string,
  { shape, absentable }: ShapeAtPath,
  index: Index,
  problem: (message: string) => void,
): IndexMetadata | undefined {
  const array = shape.kind === "array";
  const value = array ? shape.item : shape;
  // What a custom field is stored as is what its index is about.
  const own = value.kind === "custom" && value.indexed === true ? value.stored : undefined;
  const secret = value.kind === "custom" ? value.secret : undefined;
  const item = own === undefined ? value : { ...value, kind: own.shape.kind };
  const apart =
    secret !== undefined || (own === undefined && (shape.stored !== undefined || value.stored !== undefined));
  const blind = secret?.blind;
  if (
    secret !== undefined &&
    (index.kind !== "exact" || index.sortable || index.caseInsensitive || index.features.length > 0)
  ) {
    problem("an encrypted text has exact() and no other index, nor options of it");
    return undefined;
  }
  if (secret !== undefined && blind === undefined) problem("exact() needs keys.index of encrypted()");
  if (!isLegal(index.kind, item.kind, array)) {
    problem(`${index.kind}() cannot stand on ${array ? `an array of ${item.kind}` : item.kind}`);
    return undefined;
  }
  if (index.vector !== undefined) {
    if (apart || own !== undefined) problem("vector() needs an array that is stored as it is");
    if (item.optional || item.nullable) problem("vector() needs an array of which no item is absent");
    for (const message of vectorProblems(index.vector)) problem(message);
  }
  if ((item.kind === "bigint" || item.kind === "decimal") && index.kind === "exact" && index.sortable) {
    problem(`exact() does not order ${item.kind}s; range() does`);
  }
  if (array && index.sortable) problem("an array has no order: sortable is for single values");
  const substring = index.features.includes("substring");
  if (substring && (array || item.kind !== "string")) {
    problem("substring is for single strings");
  }
  if (!(index.weight > 0 && Number.isFinite(index.weight))) problem("weight must be a positive number");
  return Object.freeze({
    path,
    names: Object.freeze(path.split(".")),
    kind: index.kind,
    scalar: item.kind as ScalarKind,
    array,
    absentable,
    sortable: index.sortable && !array,
    caseInsensitive: index.caseInsensitive && item.kind === "string",
    weight: index.weight,
    substring,
    phrase: index.features.includes("phrase"),
    ...(index.vector === undefined ? {} : { vector: index.vector }),
    // Only where there is something, so that definitions without it keep their digest.
    ...(apart ? { apart } : {}),
    ...(own === undefined ? {} : { encode: blind ?? own.encode }),
    ...(secret === undefined ? {} : { secret: true as const }),
    ...(index.native === undefined ? {} : { native: nativeMetadata(index.native, problem) }),
  });
}

function isLegal(kind: IndexKind, scalar: Shape["kind"], array: boolean): boolean {
  switch (kind) {
    case "exact":
      return ["string", "boolean", "bigint", "decimal"].includes(scalar);
    case "range":
      return !array && ["string", "number", "date", "bigint", "decimal"].includes(scalar);
    case "text":
    case "native":
      return !array && scalar === "string";
    case "geo":
      return !array && scalar === "point";
    case "vector":
      return array && scalar === "number";
  }
}

/** The most numbers that search servers take per vector. */
const maxDimension = 32_768;

function vectorProblems(settings: VectorSettings): string[] {
  const graph = settings.algorithm === "hnsw";
  const between = (name: "dim" | "m" | "efConstruction" | "efRuntime", least: number, most: number): string[] => {
    const value = settings[name];
    if (name !== "dim" && !graph) return value === undefined ? [] : [`${name} of vector() is for algorithm "hnsw"`];
    if (Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most) return [];
    return [`${name} of vector() is a whole number from ${least} to ${most}, not ${String(value)}`];
  };
  return [
    ...between("dim", 1, maxDimension),
    ...(["cosine", "l2", "ip"].includes(settings.metric) ? [] : ['metric of vector() is "cosine", "l2" or "ip"']),
    ...(["flat", "hnsw"].includes(settings.algorithm) ? [] : ['algorithm of vector() is "flat" or "hnsw"']),
    ...between("m", 4, 512),
    ...between("efConstruction", 1, 4096),
    ...between("efRuntime", 1, 4096),
  ];
}
