// Names of fields: what may be one, and those that properties have in stored documents where these are others.
// The names stand on the shape, by object, so that whoever has a shape can tell one from the other.
import type { DefinitionProblem, Storage } from "./metadata.ts";
import { type ObjectShape, type Shape, shapeAt } from "./shape.ts";

/** Property names with a meaning of their own in filters. */
const reservedNames = new Set(["AND", "OR", "NOT"]);

/**
 * Tells what keeps a text from being a field's name.
 *
 * @param name - the name.
 * @param storage - how documents are stored.
 * @returns the reason; undefined for a good name.
 */
export function nameProblem(name: string, storage: Storage): string | undefined {
  if (name === "" || /[\u0000-\u001f\u007f."\\[\]]/.test(name)) {
    return 'a field name must not be empty nor hold . " \\ [ ] or control characters';
  }
  // Servers drop blanks in front of a quoted name in a path, and would read another field.
  if (storage === "json" && name.startsWith(" ")) return "a field name in a JSON document must not begin with a blank";
  if (name.startsWith("$")) return "field names beginning with $ are kept for the mapper";
  if (reservedNames.has(name)) return `${name} has a meaning in filters`;
  if (name in Object.prototype || name === "prototype") return `${name} is a name of JavaScript's own`;
  if (!name.isWellFormed()) return "holds half of a surrogate pair";
  return undefined;
}

/**
 * Gives properties the names that a definition wants for them in stored documents.
 *
 * @param shape - the entity's shape.
 * @param names - dotted path to name.
 * @param storage - how documents are stored.
 * @param idField - the id, which keeps its name.
 * @param problem - receives what is wrong.
 * @returns the shape with its names; the very same one where all of them are those of the properties.
 */
export function withNames(
  shape: ObjectShape,
  names: Readonly<Record<string, string | undefined>>,
  storage: Storage,
  idField: string,
  problem: DefinitionProblem,
): ObjectShape {
  const wanted = new Map<string, string>();
  for (const [path, name] of Object.entries(names)) {
    if (name === undefined) continue;
    const reason = typeof name === "string" ? nameProblem(name, storage) : "a name is a text";
    if (shapeAt(shape, path) === undefined) problem(path, "has a stored name but is not in the schema");
    else if (path === idField)
      problem(path, "the id keeps its name in stored documents: scripts write it by that name");
    else if (reason !== undefined) problem(path, `cannot be stored as ${JSON.stringify(name)}: ${reason}`);
    else wanted.set(path, name);
  }
  return wanted.size === 0 ? shape : named(shape, "", wanted, problem);
}

function named(
  shape: ObjectShape,
  path: string,
  wanted: ReadonlyMap<string, string>,
  problem: DefinitionProblem,
): ObjectShape {
  const fields = new Map<string, Shape>();
  const stored = new Map<string, string>();
  const holders = new Map<string, string>();
  for (const [property, field] of shape.fields) {
    const at = `${path}${property}`;
    const name = wanted.get(at) ?? property;
    const holder = holders.get(name);
    if (holder !== undefined) problem(at, `is stored as ${JSON.stringify(name)}, and so is ${path}${holder}`);
    holders.set(name, property);
    if (name !== property) stored.set(property, name);
    fields.set(property, field.kind === "object" ? named(field, `${at}.`, wanted, problem) : field);
  }
  const properties = new Map([...stored].map(([property, name]) => [name, property]));
  return { ...shape, fields, ...(stored.size === 0 ? {} : { names: { stored, properties } }) };
}

/**
 * The name of a property in stored documents.
 *
 * @param shape - the object's shape.
 * @param property - the property.
 * @returns the name.
 */
export function storedName({ names }: ObjectShape, property: string): string {
  return names?.stored.get(property) ?? property;
}

/**
 * The property that a member of a stored document holds.
 *
 * @param shape - the object's shape.
 * @param name - the member's name.
 * @returns the property; undefined for a name that only a property has, which is stored under another one.
 */
export function propertyName({ names }: ObjectShape, name: string): string | undefined {
  if (names === undefined) return name;
  return names.properties.get(name) ?? (names.stored.has(name) ? undefined : name);
}

/**
 * The names of a path in stored documents.
 *
 * @param root - the entity's shape.
 * @param path - the property names.
 * @returns the stored names.
 */
export function storedNames(root: ObjectShape, path: readonly string[]): string[] {
  return translated(root, path, storedName, (_shape, property) => property);
}

/**
 * The property names of a path in stored documents.
 *
 * @param root - the entity's shape.
 * @param path - stored names, and positions.
 * @returns the property names; what is no field keeps its name.
 */
export function propertyNames<T extends string | number>(root: ObjectShape, path: readonly T[]): (T | string)[] {
  const property = (shape: ObjectShape, name: string): string => propertyName(shape, name) ?? name;
  return translated<T | string>(root, path, property, property);
}

function translated<T>(
  root: ObjectShape,
  path: readonly T[],
  other: (shape: ObjectShape, name: string) => string,
  propertyOf: (shape: ObjectShape, name: string) => string,
): (T | string)[] {
  let shape: Shape | undefined = root;
  return path.map((name) => {
    if (shape?.kind !== "object" || typeof name !== "string") {
      shape = undefined;
      return name;
    }
    const holder: ObjectShape = shape;
    shape = holder.fields.get(propertyOf(holder, name));
    return other(holder, name);
  });
}

/**
 * The fields of an object by their names in stored documents.
 *
 * @param shape - the object's shape.
 * @returns the fields.
 */
export function storedFields(shape: ObjectShape): ReadonlyMap<string, Shape> {
  if (shape.names === undefined) return shape.fields;
  return new Map([...shape.fields].map(([property, field]) => [storedName(shape, property), field]));
}

/**
 * A shape whose properties are stored by their own names.
 *
 * @param shape - the shape.
 * @returns the shape without names.
 */
export function withoutNames(shape: ObjectShape): ObjectShape {
  const { names: _names, ...rest } = shape;
  const fields = [...shape.fields].map(([property, field]): [string, Shape] => [
    property,
    field.kind === "object" ? withoutNames(field) : field,
  ]);
  return { ...rest, fields: new Map(fields) };
}

/**
 * The stored names that are not those of the properties.
 *
 * @param shape - the entity's shape.
 * @param path - what its paths begin with.
 * @returns dotted paths and names, in order; undefined where there are none.
 */
export function describeNames(shape: ObjectShape, path = ""): (readonly [path: string, name: string])[] | undefined {
  const found: (readonly [path: string, name: string])[] = [];
  for (const [property, field] of shape.fields) {
    const name = shape.names?.stored.get(property);
    if (name !== undefined) found.push([`${path}${property}`, name]);
    if (field.kind === "object") found.push(...(describeNames(field, `${path}${property}.`) ?? []));
  }
  return found.length === 0 ? undefined : found.sort(([left], [right]) => (left < right ? -1 : 1));
}
