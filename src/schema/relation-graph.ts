// Every relation of a database, checked together and turned into plain data.
// What is wrong with any of them is told at once, each with its place and cure.
import { DefinitionError, isRemoraError } from "../errors.ts";
import { definitionFor } from "./class.ts";
import type { EntityDefinition } from "./entity.ts";
import type { EntityMetadata } from "./metadata.ts";
import type { EntityType, OnDelete, Relation, RelationBy, Relations } from "./relations.ts";
import { type Shape, shapeAt } from "./shape.ts";

/** A relation of one entity type, and how it leads to its target. */
export type RelationMetadata = {
  readonly name: string;
  readonly target: EntityDefinition;
} & (
  | { readonly kind: "one"; readonly path: string }
  /** The path is one of the target. */
  | { readonly kind: "many"; readonly path: string }
  | { readonly kind: "through"; readonly through: EntityDefinition; readonly from: string; readonly to: string }
  | { readonly kind: "ids"; readonly path: string }
);

/** What becomes of the entities of one type when what a field of theirs refers to is deleted. */
export interface DeleteRule {
  /** The relation that says so, for errors. */
  readonly relation: string;
  readonly child: EntityDefinition;
  /** Their field with the id. */
  readonly path: string;
  readonly action: OnDelete;
}

/** The rules for deletions of one type. */
interface DeleteRules {
  readonly rules: readonly DeleteRule[];
  /** Deletions may lead back to entities of this type. */
  readonly cyclic: boolean;
  /** A deletion may be refused, by these rules or those of what it takes along. */
  readonly restricts: boolean;
}

/** The relations and rules of every type, by its name. */
export interface RelationGraph {
  readonly relationsOf: (name: string) => ReadonlyMap<string, RelationMetadata>;
  readonly rulesOf: (name: string) => DeleteRules;
  /** Whether relations say anything about deletions of a type. */
  readonly isRuled: (name: string) => boolean;
}

const noRelations: ReadonlyMap<string, RelationMetadata> = new Map();
const noRules: DeleteRules = Object.freeze({ rules: Object.freeze([]), cyclic: false, restricts: false });
const actions: ReadonlySet<unknown> = new Set(["cascade", "restrict", "setNull"]);

/**
 * Checks relations and turns them into data.
 *
 * @param declared - what `relations` gave, of any number of types.
 * @returns relations and rules by type.
 * @throws DefinitionError listing every problem found.
 */
export function compileRelations(declared: readonly Relations[]): RelationGraph {
  return new GraphCompiler().compile(declared);
}

class GraphCompiler {
  readonly #problems: string[] = [];
  readonly #definitions = new Map<string, EntityDefinition>();
  readonly #relations = new Map<string, Map<string, RelationMetadata>>();
  readonly #rules = new Map<string, DeleteRule[]>();
  #entity: string | undefined;
  #place = "";

  compile(declared: readonly Relations[]): RelationGraph {
    for (const { entity, build } of declared) {
      this.#place = "relations";
      const source = this.#definition(entity);
      if (source === undefined) continue;
      for (const [name, relation] of Object.entries(build())) {
        this.#place = `${source.name}.${name}`;
        this.#relation(source, name, relation);
      }
    }
    const [first] = this.#problems;
    if (first !== undefined) {
      throw new DefinitionError(`relations: ${this.#problems.join("; ")}`, { entity: this.#entity });
    }
    const [relations, rules] = [this.#relations, this.#deleteRules()];
    return {
      relationsOf: (name) => relations.get(name) ?? noRelations,
      rulesOf: (name) => rules.get(name) ?? noRules,
      isRuled: (name) => rules.has(name),
    };
  }

  #problem(message: string): undefined {
    this.#entity ??= this.#place.split(".", 1)[0];
    this.#problems.push(`${this.#place}: ${message}`);
  }

  #definition(type: EntityType): EntityDefinition | undefined {
    let definition: EntityDefinition;
    try {
      definition = definitionFor(type);
    } catch (error) {
      if (isRemoraError(error)) return this.#problem(error.message);
      throw error;
    }
    // A class without its decorator is told of above; here something else was given.
    if ((definition as EntityDefinition | undefined)?.metadata === undefined) {
      return this.#problem("leads to no entity type: name one made by defineEntity, or a class with @Entity");
    }
    const known = this.#definitions.get(definition.name) ?? definition;
    if (known !== definition) return this.#problem(`two entity types are called ${JSON.stringify(definition.name)}`);
    this.#definitions.set(definition.name, definition);
    return definition;
  }

  #relation(source: EntityDefinition, name: string, { cardinality, target: type, by }: Relation): void {
    const own = this.#relations.get(source.name) ?? new Map<string, RelationMetadata>();
    this.#relations.set(source.name, own);
    if (source.metadata.shape.fields.has(name)) this.#problem("the schema has a property of that name; take another");
    if (name === "" || name in Object.prototype) this.#problem("is no name for a relation; take another");
    if (own.has(name)) this.#problem("is declared twice; take another name for one of them");
    const target = this.#definition(type);
    if (target === undefined) return;
    const lead = this.#lead(source, name, cardinality, target, by);
    if (lead !== undefined) own.set(name, Object.freeze({ name, target, ...lead }) as RelationMetadata);
  }

  #lead(
    source: EntityDefinition,
    name: string,
    cardinality: Relation["cardinality"],
    target: EntityDefinition,
    by: RelationBy,
  ): object | undefined {
    const relation = `${source.name}.${name}`;
    if (typeof by !== "object" || by === null) return this.#problem("takes how it leads there, such as { field }");
    if ("ids" in by) {
      this.#checkKind(source.metadata, by.ids, "a list of ids (z.array(z.string()))", isList);
      return { kind: "ids", path: by.ids };
    }
    if ("through" in by) {
      const through = this.#definition(by.through);
      if (through === undefined) return undefined;
      for (const path of [by.from, by.to]) this.#checkKey(through.metadata, path);
      this.#rule(source.name, { relation, child: through, path: by.from }, by.onDelete);
      return { kind: "through", through, from: by.from, to: by.to };
    }
    const { field, onDelete } = by;
    if (cardinality === "many") {
      this.#checkKey(target.metadata, field);
      this.#rule(source.name, { relation, child: target, path: field }, onDelete);
      return { kind: "many", path: field };
    }
    // Whoever refers has to be found when what it refers to is deleted.
    if (onDelete === undefined) this.#checkKind(source.metadata, field, "an id (z.string())", isString);
    else this.#checkKey(source.metadata, field);
    this.#rule(target.name, { relation, child: source, path: field }, onDelete);
    return { kind: "one", path: field };
  }

  #checkKind(metadata: EntityMetadata, path: string, wanted: string, fits: (shape: Shape) => boolean): boolean {
    const at = shapeAt(metadata.shape, path);
    if (at !== undefined && fits(at.shape)) return true;
    const found = at === undefined ? "is not in the schema" : `is ${at.shape.kind}`;
    this.#problem(`${metadata.name}.${path} ${found}; it must be ${wanted}`);
    return false;
  }

  #checkKey(metadata: EntityMetadata, path: string): void {
    if (!this.#checkKind(metadata, path, "an id (z.string())", isString)) return;
    // An id is no other id in capitals.
    const exact = metadata.indexes.find((index) => index.path === path && index.kind === "exact");
    if (exact === undefined) this.#problem(`${metadata.name}.${path} has no exact() index, by which it is found`);
    else if (exact.caseInsensitive) this.#problem(`the exact() of ${metadata.name}.${path} must not fold case`);
  }

  #rule(parent: string, rule: Omit<DeleteRule, "action">, action: OnDelete | undefined): void {
    if (action === undefined) return;
    const { child, path, relation } = rule;
    if (!actions.has(action)) {
      this.#problem(`onDelete is "cascade", "restrict" or "setNull", not ${JSON.stringify(action)}`);
      return;
    }
    const shape = shapeAt(child.metadata.shape, path)?.shape;
    if (action === "setNull" && shape?.ofOption === true) {
      this.#problem(`${child.name}.${path} is not optional in every option, so onDelete cannot be "setNull"`);
    } else if (action === "setNull" && shape !== undefined && !shape.nullable && !shape.optional) {
      this.#problem(`${child.name}.${path} is neither nullable nor optional, so onDelete cannot be "setNull"`);
    }
    const rules = this.#rules.get(parent) ?? [];
    this.#rules.set(parent, rules);
    const same = rules.find((other) => other.child.name === child.name && other.path === path);
    if (same === undefined) rules.push(Object.freeze({ relation, child, path, action }));
    else if (same.action !== action) {
      this.#problem(`onDelete of ${child.name}.${path} is "${action}" here and "${same.action}" in ${same.relation}`);
    }
  }

  #deleteRules(): Map<string, DeleteRules> {
    return new Map(
      [...this.#rules].map(([name, rules]) => {
        const reached = this.#reached(name);
        const restricts = [name, ...reached].some((each) => this.#rules.get(each)?.some(isRestriction) === true);
        return [name, Object.freeze({ rules: Object.freeze(rules), cyclic: reached.has(name), restricts })];
      }),
    );
  }

  // What a deletion takes along, and what that takes along. What is deleted softly stays, and takes nothing along.
  #reached(name: string): Set<string> {
    const reached = new Set<string>();
    const waiting = [name];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      for (const { action, child } of this.#rules.get(at) ?? []) {
        if (action !== "cascade" || child.metadata.softDelete !== undefined || reached.has(child.name)) continue;
        reached.add(child.name);
        waiting.push(child.name);
      }
    }
    return reached;
  }
}

function isRestriction({ action }: DeleteRule): boolean {
  return action === "restrict";
}

function isString({ kind }: Shape): boolean {
  return kind === "string";
}

function isList(shape: Shape): boolean {
  return shape.kind === "array" && shape.item.kind === "string" && !shape.item.nullable && !shape.item.optional;
}
