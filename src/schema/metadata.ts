// Definition to metadata: one frozen object per entity type, made once.
// Every definition error is raised here, all of them together, each with its path and cure.
import { createHash } from "node:crypto";
import { DefinitionError } from "../errors.ts";
import { type AnyIndex, type BoardMetadata, compileBoard, isBoard, type RankedField, rankedFields } from "./board.ts";
import { type CollectionMetadata, type Collections, compileCollections } from "./collections.ts";
import { compileCompounds, type CompoundDefinition, type CompoundMetadata } from "./compound.ts";
import type { IndexKind, VectorSettings } from "./index-kinds.ts";
import { type Derivations, derivedNames, deriving } from "./derive.ts";
import { compileIndex } from "./field-index.ts";
import { checkedHooks, type UntypedHooks } from "./hooks.ts";
import { hashTag } from "./key.ts";
import { describeNames, nameProblem, withNames } from "./names.ts";
import { nativeConflict, type NativeMetadata } from "./native.ts";
import {
  type Converted,
  countFields,
  depthOf,
  type Foreign,
  type ObjectShape,
  type ScalarKind,
  type Shape,
  shapeAt,
  type StoredForm,
  withoutForeign,
} from "./shape.ts";
import { type EntitySchema, isIntegerField, partOf, type Validated, validate } from "./zod.ts";
import { type FieldRules, rulesOf } from "./zod-rules.ts";
import { shapeOf, type ShapeProblem } from "./zod-shape.ts";
import { propertyOf, type Sides, sidesOf } from "./zod-sides.ts";
import { type EntityOption, foreignOf, optionsOf } from "./zod-union.ts";
import { compileId, type IdDefinition, type IdMetadata } from "./id.ts";
import { checkSoftDelete } from "./soft-delete.ts";
import { compilePartitions } from "./partitions.ts";
import { compileTimestamps, type TimestampsDefinition, type TimestampsMetadata } from "./timestamps.ts";
import { type TtlDefinition, type TtlMetadata, ttlMetadata } from "./ttl.ts";

/** The forms a document can be stored in: a hash, a document of RedisJSON, or the same JSON as text in a string. */
export type Storage = "hash" | "json" | "string";

/** One index on one field. */
export interface IndexMetadata {
  /** Dotted path of the field. */
  readonly path: string;
  /** The path's property names. */
  readonly names: readonly string[];
  readonly kind: IndexKind;
  /** What a single value is. */
  readonly scalar: ScalarKind;
  /** The field holds an array of such values. */
  readonly array: boolean;
  /** What the index holds of a value, where that is what its codec stores; only for custom fields. */
  readonly encode?: (value: unknown) => Converted;
  /** The values are encrypted, and shown nowhere. */
  readonly secret?: true;
  /** The document holds something else than the index, which a codec makes of it. */
  readonly apart?: true;
  /** The field, or a parent, may be null or missing. */
  readonly absentable: boolean;
  readonly sortable: boolean;
  readonly caseInsensitive: boolean;
  readonly weight: number;
  /** Allows endsWith and includes. */
  readonly substring: boolean;
  /** Keeps the words in their order, for phrases. */
  readonly phrase: boolean;
  /** What a vector index was made with. */
  readonly vector?: VectorSettings;
  /** The search server's rules, for native text and no other index. */
  readonly native?: NativeMetadata;
}

/** A unique constraint over one or more fields. */
export interface UniqueMetadata {
  readonly name: string;
  /** Dotted paths, in the order declared. */
  readonly paths: readonly string[];
  /** Strings that differ in case only count as the same; left out where they do not. */
  readonly caseInsensitive?: true;
  /** By path, what is compared of custom fields; left out where there are none. */
  readonly encode?: Readonly<Record<string, StoredForm["encode"]>>;
}

/** A unique constraint as the user writes it: its fields, or those and how strings are compared. */
type UniqueDefinition = readonly string[] | { readonly fields: readonly string[]; readonly caseInsensitive?: boolean };

/** Takes what is wrong with a definition, and where; an empty path for the definition as a whole. */
export type DefinitionProblem = (path: string, message: string) => void;

/** Everything the other rooms know about an entity type. */
export interface EntityMetadata extends TimestampsMetadata, IdMetadata {
  readonly name: string;
  readonly storage: Storage;
  readonly keyPrefix: string | undefined;
  /** The hash tag that the type shares with others, so that one transaction can change them all. */
  readonly colocate: string | undefined;
  /** How many hash slots the entities are spread over. */
  readonly partitions: number;
  readonly shape: ObjectShape;
  readonly idField: string;
  readonly indexes: readonly IndexMetadata[];
  readonly uniques: readonly UniqueMetadata[];
  readonly compounds: readonly CompoundMetadata[];
  /** The leaderboards of its entities. */
  readonly boards: readonly BoardMetadata[];
  /** The numbers that these need, each once. */
  readonly ranked: readonly RankedField[];
  /** What each entity owns beside its document. */
  readonly collections: readonly CollectionMetadata[];
  readonly version: string | undefined;
  /** Properties that are made of the others when an entity is written. */
  readonly derived: readonly string[];
  /** Entities may expire. */
  readonly ttl: TtlMetadata | undefined;
  /** The field that says when an entity was deleted softly. */
  readonly softDelete: string | undefined;
  /** Run around writes; undefined for types without. */
  readonly hooks: UntypedHooks | undefined;
  /** Changes are told in a stream, which keeps about so many of them. */
  readonly changes: { readonly maxLength: number } | undefined;
  /** Changes whenever stored data or indexes would have to change. */
  readonly layout: string;
  /** Saves may carry the number of the lock that they are made under. */
  readonly fence: boolean;
  /** Of what is given to be stored: an input, or an entity that was read. */
  readonly validate: (input: unknown) => Validated;
  /** Of entities as they are read. */
  readonly validateEntity: (entity: unknown) => Validated;
  /** The properties of an entity that are those of other options of its schema; undefined for types of one option. */
  readonly foreign: Foreign | undefined;
  /** What is said of some properties: their shape, and their validation without what the schema says of the whole. */
  readonly part: (names: ReadonlySet<string>) => Pick<EntityMetadata, "shape" | "validateEntity">;
  /** What the schema says of the field at a dotted path; undefined when the path leads nowhere. */
  readonly rules: (path: string) => FieldRules | undefined;
}

/** A definition as the user writes it, without its types. */
export interface Definition {
  readonly name: string;
  readonly schema: EntitySchema;
  readonly id?: IdDefinition | undefined;
  readonly storage?: Storage | undefined;
  readonly names?: Readonly<Record<string, string | undefined>> | undefined;
  readonly keyPrefix?: string | undefined;
  readonly colocate?: string | undefined;
  readonly partitions?: number | undefined;
  readonly index?: Readonly<Record<string, AnyIndex | readonly AnyIndex[] | undefined>> | undefined;
  readonly unique?: Readonly<Record<string, UniqueDefinition>> | undefined;
  readonly compound?: Readonly<Record<string, CompoundDefinition>> | undefined;
  readonly changes?: true | { readonly maxLength?: number } | undefined;
  readonly version?: string | undefined;
  readonly timestamps?: TimestampsDefinition | undefined;
  readonly derive?: Derivations | undefined;
  readonly ttl?: TtlDefinition | undefined;
  readonly softDelete?: string | undefined;
  readonly hooks?: UntypedHooks | undefined;
  readonly collections?: Collections | undefined;
  readonly fence?: boolean | undefined;
}

const storages: readonly Storage[] = ["hash", "json", "string"];
const maxFields = 2000;
const maxDepth = 127;
/** Changes that a stream keeps when nothing else is said. */
const defaultChanges = 10_000;
const namePattern = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/**
 * Checks a definition and turns it into metadata.
 *
 * @param definition - what the user wrote.
 * @returns frozen metadata.
 * @throws DefinitionError listing every problem found.
 */
export function compileMetadata(definition: Definition): EntityMetadata {
  const compiler = new DefinitionCompiler(definition);
  return compiler.compile();
}

class DefinitionCompiler {
  readonly #definition: Definition;
  readonly #problems: ShapeProblem[] = [];
  readonly #shape: ObjectShape;
  readonly #sides: Sides<EntitySchema>;
  readonly #options: readonly EntityOption[];
  readonly #foreign: Foreign | undefined;
  readonly #boards: BoardMetadata[] = [];

  constructor(definition: Definition) {
    this.#definition = definition;
    this.#sides = sidesOf(definition.schema);
    this.#options = optionsOf(definition.schema, (message) => this.#problem("", message));
    this.#foreign = foreignOf(this.#options);
    const shape = shapeOf(this.#options, definition.name, this.#problems);
    const { names = {}, storage = "hash" } = definition;
    this.#shape = withNames(shape, names, storage, definition.id?.field ?? "id", (path, text) =>
      this.#problem(path, text),
    );
  }

  compile(): EntityMetadata {
    const definition = this.#definition;
    const storage = definition.storage ?? "hash";
    this.#checkName();
    if (!storages.includes(storage))
      this.#problem("", `storage must be ${storages.join(", ")}, not ${JSON.stringify(storage)}`);
    this.#checkFields(this.#shape, "", storage);
    const idField = definition.id?.field ?? "id";
    this.#checkId(idField);
    const indexes = this.#indexes(idField);
    const uniques = this.#uniques();
    const compounds = this.#compounds(indexes);
    this.#checkVersion();
    const placed = (path: string, text: string): void => this.#problem(path, text);
    const timestamps = compileTimestamps(definition.timestamps, this.#shape, placed);
    const partitions = compilePartitions(definition, placed);
    const ids = compileId(definition.id ?? {}, this.#shape, partitions, placed);
    const problem = (message: string): void => this.#problem("", message);
    const ttl = definition.ttl && ttlMetadata(definition.ttl, problem);
    const hooks = definition.hooks && checkedHooks(definition.hooks, problem);
    const { softDelete } = definition;
    if (softDelete !== undefined) checkSoftDelete(softDelete, this.#shape, indexes, placed);
    const { version, softDelete: deletedAt } = definition;
    const kept = [idField, version, deletedAt, timestamps.createdAt, timestamps.updatedAt];
    this.#checkEverywhere([...kept, ...Object.keys(definition.derive ?? {})]);
    const derived = derivedNames(definition.derive, this.#shape, kept, placed);
    if (ids.sequence && derived.length > 0)
      problem("derive does not go with ids of a sequence: no function could see the id");
    const changes = this.#changes();
    const collections = compileCollections(definition.name, definition.collections, placed);
    this.#throwProblems();
    const parts = {
      storage,
      shape: describe(this.#shape),
      names: describeNames(this.#shape),
      indexes,
      uniques,
      compounds: compounds.length > 0 ? compounds : undefined,
      boards: this.#boards.length > 0 ? this.#boards : undefined,
      idField,
      version: definition.version,
      ttl: ttl !== undefined,
    };
    return Object.freeze({
      name: definition.name,
      storage,
      keyPrefix: definition.keyPrefix,
      colocate: definition.colocate,
      partitions,
      shape: this.#shape,
      idField,
      ...ids,
      indexes: Object.freeze(indexes),
      uniques: Object.freeze(uniques),
      compounds: Object.freeze(compounds),
      boards: Object.freeze(this.#boards),
      ranked: Object.freeze(rankedFields(this.#boards)),
      version: definition.version,
      derived,
      ...timestamps,
      ttl,
      changes,
      collections,
      softDelete,
      hooks,
      fence: definition.fence === true,
      layout: createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16),
      validate: this.#validation(derived),
      validateEntity: (entity: unknown) => validate(this.#sides.entity, entity),
      foreign: this.#foreign,
      part: (names: ReadonlySet<string>) => this.#part(names),
      rules: (path: string) => rulesOf(this.#sides, path.split(".")),
    });
  }

  #validation(derived: readonly string[]): EntityMetadata["validate"] {
    const { given } = this.#sides;
    const foreign = this.#foreign;
    const whole = (input: unknown): Validated => {
      const checked = validate(given, input);
      return checked.ok && foreign !== undefined
        ? { ok: true, value: withoutForeign(checked.value, foreign) }
        : checked;
    };
    const { derive } = this.#definition;
    if (derive === undefined || derived.length === 0) return whole;
    const rest = partOf(given, new Set([...this.#shape.fields.keys()].filter((name) => !derived.includes(name))));
    return deriving(derive, (input) => validate(rest, input), whole);
  }

  #part(names: ReadonlySet<string>): Pick<EntityMetadata, "shape" | "validateEntity"> {
    const schema = partOf(this.#sides.entity, names);
    const fields = new Map([...this.#shape.fields].filter(([name]) => names.has(name)));
    return { shape: { ...this.#shape, fields, strips: true }, validateEntity: (entity) => validate(schema, entity) };
  }

  #problem(path: string, message: string): void {
    this.#problems.push({ path, message });
  }

  #throwProblems(): void {
    if (this.#problems.length === 0) return;
    const lines = this.#problems.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
    throw new DefinitionError(`entity ${JSON.stringify(this.#definition.name)}: ${lines.join("; ")}`, {
      entity: String(this.#definition.name),
      field: this.#problems[0]?.path === "" ? undefined : this.#problems[0]?.path,
    });
  }

  #checkName(): void {
    const { name, keyPrefix, colocate } = this.#definition;
    if (typeof name !== "string" || !namePattern.test(name)) {
      this.#problem("", "the name must be letters, digits, _ or -, and begin with a letter or _");
    }
    if (keyPrefix !== undefined && (keyPrefix === "" || /[\u0000-\u0020\u007f*?[\]\\$]/.test(keyPrefix))) {
      this.#problem("", "keyPrefix must not be empty nor hold blanks, control characters or any of * ? [ ] \\ $");
    }
    if (colocate !== undefined && (typeof colocate !== "string" || !namePattern.test(colocate))) {
      this.#problem("", "colocate must be letters, digits, _ or -, and begin with a letter or _");
    }
    if (colocate !== undefined && keyPrefix !== undefined && hashTag(keyPrefix) !== colocate) {
      this.#problem("", `keyPrefix does not hold the hash tag {${colocate}} that colocate names`);
    }
    if (keyPrefix !== undefined && /[{}]/.test(keyPrefix) && hashTag(keyPrefix) === undefined) {
      this.#problem("", "keyPrefix has a brace but no complete hash tag such as {user}");
    }
  }

  #checkFields(shape: ObjectShape, path: string, storage: Storage): void {
    if (shape.open && storage === "hash") {
      this.#problem(
        path,
        "an object that keeps unknown properties needs storage json or string, or list its properties",
      );
    }
    for (const [name, field] of shape.fields) {
      const at = path === "" ? name : `${path}.${name}`;
      const reason = nameProblem(name, storage);
      if (reason !== undefined) this.#problem(at, reason);
      if (field.kind === "object") this.#checkFields(field, at, storage);
    }
    if (path === "" && storage === "json" && depthOf(shape) > maxDepth) {
      this.#problem("", `nested deeper than the ${maxDepth} levels that servers read`);
    }
    if (path === "" && countFields(shape) > maxFields) {
      this.#problem("", `more than ${maxFields} fields; keep some of them together in a z.record or an array`);
    }
  }

  #checkId(field: string): void {
    const shape = this.#shape.fields.get(field);
    if (shape?.kind !== "string" || shape.optional || shape.nullable) {
      this.#problem(field, "the id field must be in the schema as a string, neither optional nor nullable");
    }
  }

  // What the mapper keeps, and what is made of the rest, is the same in every entity.
  #checkEverywhere(names: readonly (string | undefined)[]): void {
    for (const name of names) {
      if (name === undefined || !this.#shape.fields.has(name)) continue;
      if (!this.#options.every(({ schema }) => propertyOf(schema, name) !== undefined))
        this.#problem(name, "must be in every option of the schema");
    }
  }

  #indexes(idField: string): IndexMetadata[] {
    const found: IndexMetadata[] = [];
    for (const [path, spec] of Object.entries(this.#definition.index ?? {})) {
      if (spec === undefined) continue;
      const list: readonly AnyIndex[] = Array.isArray(spec) ? spec : [spec as AnyIndex];
      const at = shapeAt(this.#shape, path);
      if (at === undefined) {
        this.#problem(path, "has an index but is not in the schema");
        continue;
      }
      if (path === idField) {
        this.#problem(path, "the id needs no index: findById and findByIds use the key itself");
        continue;
      }
      if (new Set(list.map((index) => index.kind)).size !== list.length) {
        this.#problem(path, "has two indexes of the same kind");
      }
      const problem = (message: string): void => this.#problem(path, message);
      for (const index of list) {
        if (isBoard(index)) {
          this.#boards.push(compileBoard(path, index.board, this.#shape, this.#definition.partitions, problem));
          continue;
        }
        const metadata = compileIndex(path, at, index, problem);
        if (metadata !== undefined) found.push(metadata);
      }
    }
    const conflict = nativeConflict(found.flatMap(({ native }) => (native === undefined ? [] : [native])));
    if (conflict !== undefined) this.#problem("", `native texts of one type must have the same ${conflict}`);
    return found;
  }

  #uniques(): UniqueMetadata[] {
    return Object.entries(this.#definition.unique ?? {}).map(([name, unique]) => {
      const { fields: paths, caseInsensitive = false } = "fields" in unique ? unique : { fields: unique };
      if (!namePattern.test(name)) this.#problem("", `unique ${JSON.stringify(name)}: bad name`);
      if (paths.length === 0) this.#problem("", `unique ${name}: names no field`);
      const encoders: Record<string, StoredForm["encode"]> = {};
      for (const path of paths) {
        const shape = shapeAt(this.#shape, path)?.shape;
        if (shape === undefined) this.#problem(path, `named by unique ${name} but not in the schema`);
        else if (shape.kind === "custom" && shape.secret !== undefined) {
          if (shape.secret.blind === undefined) this.#problem(path, `unique ${name} needs keys.index of encrypted()`);
          else if (caseInsensitive) this.#problem(path, `unique ${name} cannot fold the case of an encrypted text`);
          else encoders[path] = shape.secret.blind;
        } else if (shape.kind === "custom" && shape.indexed === true) encoders[path] = shape.stored.encode;
        else if (!["string", "number", "boolean", "bigint", "date", "decimal"].includes(shape.kind)) {
          this.#problem(path, `unique ${name} needs single values, not ${shape.kind}`);
        }
      }
      // Only where it is said, so that definitions without it keep their digest.
      const folded = caseInsensitive ? { caseInsensitive: true as const } : {};
      const encoded = Object.keys(encoders).length > 0 ? { encode: Object.freeze(encoders) } : {};
      return Object.freeze({ name, paths: Object.freeze([...paths]), ...folded, ...encoded });
    });
  }

  #compounds(indexes: readonly IndexMetadata[]): CompoundMetadata[] {
    const definitions = this.#definition.compound ?? {};
    for (const name of Object.keys(definitions)) {
      if (!namePattern.test(name)) this.#problem("", `compound ${JSON.stringify(name)}: bad name`);
    }
    return compileCompounds(definitions, indexes, (path, message) => this.#problem(path, message));
  }

  #checkVersion(): void {
    const { version, schema } = this.#definition;
    if (version === undefined) return;
    const shape = this.#shape.fields.get(version);
    if (shape?.kind !== "number" || shape.optional || shape.nullable || !isIntegerField(schema, version)) {
      this.#problem(version, "the version field must be in the schema as z.int(), neither optional nor nullable");
    }
  }

  #changes(): EntityMetadata["changes"] {
    const { changes } = this.#definition;
    if (changes === undefined) return undefined;
    const { maxLength = defaultChanges } = changes === true ? {} : changes;
    if (!(Number.isSafeInteger(maxLength) && maxLength >= 1)) {
      this.#problem("", "changes.maxLength must be a whole number from 1");
    }
    return Object.freeze({ maxLength });
  }
}

// The stored form of a shape: what a change of the definition must not change unnoticed.
function describe(shape: Shape): unknown {
  if (shape.stored !== undefined) return describe(shape.stored.shape);
  switch (shape.kind) {
    case "object":
      return Object.fromEntries([...shape.fields].map(([name, field]) => [name, describe(field)]).sort(byName));
    case "array":
      return [describe(shape.item)];
    case "record":
      return { "*": describe(shape.value) };
    case "tuple":
      return { tuple: shape.items.map(describe), rest: shape.rest && describe(shape.rest) };
    case "union":
      return { union: shape.options.map((option) => describe(option.shape)) };
    default:
      return shape.kind;
  }
}

function byName(left: unknown[], right: unknown[]): number {
  return String(left[0]) < String(right[0]) ? -1 : 1;
}
