// The choice of fields: which properties a query reads, and what of them it gives back.
// A property is read whole, since only so its own schema can say whether it is right.
import { QueryError } from "../errors.ts";
import type { Paths } from "../schema/paths.ts";
import { shapeAt } from "../schema/shape.ts";
import { measure } from "./distance.ts";
import { highlighter, highlightsName } from "./highlight.ts";
import type { QueryNode } from "./node.ts";

type FirstName<P extends string> = P extends `${infer K}.${string}` ? K : P;
type Remainder<P extends string, K extends string> = P extends `${K}.${infer R}` ? R : never;
type SelectedInside<V, P extends string> = V extends null | undefined ? V : Selected<V, P>;

/** An entity with nothing but the fields at some dotted paths; what is optional or null on the way stays so. */
export type Selected<O, P extends string> = {
  [K in keyof O as K extends FirstName<P> ? K : never]: K extends P
    ? O[K]
    : SelectedInside<O[K], Remainder<P, K & string>>;
};

/** The dotted paths that `select` accepts. */
export type SelectablePaths<O> = Paths<O>;

/**
 * Checks the choice of fields.
 *
 * @param query - the query as built.
 * @throws QueryError when nothing is chosen, or something that is no field.
 */
export function checkSelect({ metadata, select }: QueryNode): void {
  if (select === undefined) return;
  const { name } = metadata;
  if (select.length === 0) throw new QueryError(`${name}: select() takes at least one field`, { entity: name });
  for (const path of select) {
    if (typeof path === "string" && shapeAt(metadata.shape, path) !== undefined) continue;
    const field = String(path);
    throw new QueryError(`${name}.${field} cannot be selected: the schema has no such field`, { entity: name, field });
  }
}

/**
 * The properties that have to be read for a query.
 *
 * @param query - a checked query.
 * @returns names at the top of the entity, or undefined for all; those that a place in the order is made of among them.
 */
export function propertiesRead({
  select,
  orderBy,
  after,
  measured,
  highlight,
}: QueryNode): readonly string[] | undefined {
  if (select === undefined) return undefined;
  const sorted = after === undefined ? [] : orderBy.map(({ path }) => path);
  const points = measured === undefined ? [] : [measured.path];
  return propertiesOf([...select, ...sorted, ...points, ...(highlight?.paths ?? [])]);
}

/**
 * The properties that some fields lie in.
 *
 * @param paths - dotted paths.
 * @returns names at the top of the entity, each once.
 */
export function propertiesOf(paths: readonly string[]): string[] {
  return [...new Set(paths.map((path) => path.split(".", 1)[0] as string))];
}

/** Names of properties, each with the chosen ones inside it; undefined for the whole of it. */
type Choice = Map<string, Choice | undefined>;

/**
 * Prepares taking the chosen fields out of entities.
 *
 * @param paths - the chosen fields.
 * @returns a function from an entity, with at least the properties that were read for the query, to a new object; what is
 *   null or missing on the way to a field stays null or missing.
 */
function picker(paths: readonly string[]): (entity: Record<string, unknown>) => Record<string, unknown> {
  const choice: Choice = new Map();
  for (const path of paths) choose(choice, path.split("."));
  return (entity) => pick(entity, choice);
}

/**
 * Prepares making rows of entities: the chosen fields, and what is asked for beside them.
 *
 * @param query - a checked query.
 * @returns a function from an entity, with at least the properties that were read for the query, to its row.
 */
export function presenter(query: QueryNode): (entity: Record<string, unknown>) => Record<string, unknown> {
  const { select, measured, highlight } = query;
  const pickFrom = select === undefined ? undefined : picker(select);
  const additions: ((entity: unknown) => readonly [name: string, value: unknown])[] = [];
  if (measured !== undefined) {
    const metres = measure(measured.path, measured.from, measured.unit);
    additions.push((entity) => [measured.as, metres(entity)]);
  }
  if (highlight !== undefined) {
    const mark = highlighter(query, highlight);
    additions.push((entity) => [highlightsName, mark(entity)]);
  }
  if (additions.length === 0) return pickFrom ?? ((entity) => entity);
  return (entity) => ({
    ...(pickFrom === undefined ? entity : pickFrom(entity)),
    ...Object.fromEntries(additions.map((add) => add(entity))),
  });
}

function choose(choice: Choice, [name = "", ...inner]: readonly string[]): void {
  // Once the whole is chosen, a part of it adds nothing.
  if (choice.has(name) && choice.get(name) === undefined) return;
  if (inner.length === 0) {
    choice.set(name, undefined);
    return;
  }
  const inside: Choice = choice.get(name) ?? new Map();
  choice.set(name, inside);
  choose(inside, inner);
}

function pick(entity: Record<string, unknown>, choice: Choice): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const name of Object.keys(entity)) {
    if (!choice.has(name)) continue;
    const [value, inside] = [entity[name], choice.get(name)];
    const whole = inside === undefined || value === undefined || value === null;
    picked[name] = whole ? value : pick(value as Record<string, unknown>, inside);
  }
  return picked;
}
