// From a sample to the draft of one entity type, and to what has to be said of the keys that do not fit it.
import { decodeId, encodeId } from "../../schema/key.ts";
import { nameProblem } from "../../schema/names.ts";
import { type FieldGuess, guessFields } from "./guess.ts";
import type { DocumentForm, Sample, SampledDocument } from "./sample.ts";

/** The draft of an entity type. */
export interface EntityDraft {
  readonly name: string;
  readonly keyPrefix: string;
  readonly form: DocumentForm;
  /** The property that holds the id, which comes from the key. */
  readonly idField: string;
  readonly fields: readonly FieldGuess[];
  /** How many documents it was made from, and how many of them expire. */
  readonly documents: number;
  readonly expiring: number;
}

/** What came of a sample. */
export interface Inference {
  /** Undefined when there was no document. */
  readonly draft: EntityDraft | undefined;
  /** What a reader should know, line by line. */
  readonly report: readonly string[];
}

const forms: readonly DocumentForm[] = ["hash", "json", "string"];
const idNames = ["id", "key", "entityId", "documentId"];

/**
 * Drafts an entity type.
 *
 * @param sample - what was read.
 * @returns the draft and the report; the same sample gives the same ones.
 */
export function inferEntity(sample: Sample): Inference {
  const report = [seen(sample)];
  for (const [type, count] of sorted(sample.types)) report.push(`  ${type}: ${count}`);
  for (const [reason, count] of sorted(sample.unfit)) report.push(`left out: ${count} ${reason}`);
  const documents = [...sample.documents].sort((left, right) => (left.key < right.key ? -1 : 1));
  const keyPrefix = prefixOf(sample.prefix, documents);
  const counts = forms.map((form) => ({ form, count: documents.filter((document) => document.form === form).length }));
  const chosen = counts.reduce((most, next) => (next.count > most.count ? next : most)).form;
  const fitting = documents.filter((document) => document.form === chosen && isIdAfter(document.key, keyPrefix));
  for (const { form, count } of counts) {
    if (form !== chosen && count > 0)
      report.push(`left out: ${count} documents stored as ${form}, since most are ${chosen}`);
  }
  const strange = documents.filter(({ form: own, key }) => own === chosen && !isIdAfter(key, keyPrefix)).length;
  if (strange > 0) {
    report.push(
      `left out: ${strange} keys whose rest cannot be an id as it stands, since it holds one of { } : * ? [ ] \\ %, a blank or nothing; a longer prefix may tell them apart`,
    );
  }
  if (fitting.length === 0) return { draft: undefined, report };
  const dropped = new Map<string, string>();
  const parents = parentsIn(chosen === "hash" ? fitting : []);
  const values = fitting.map(({ value }) =>
    storable(chosen === "hash" ? nested(value, parents, dropped) : value, chosen, "", dropped),
  );
  for (const [name, reason] of dropped) report.push(`left out: the field ${JSON.stringify(name)}: ${reason}`);
  const idField = idFieldOf(fitting, values, keyPrefix);
  const times = fitting.flatMap(({ ttl }) => (ttl === undefined ? [] : [ttl]));
  if (times.length > 0) {
    report.push(
      `${times.length} of ${fitting.length} documents expire, the last of them in ${Math.ceil(Math.max(...times) / 1000)} s`,
    );
  }
  const draft: EntityDraft = {
    name: nameOf(keyPrefix),
    keyPrefix,
    form: chosen,
    idField,
    fields: guessFields(values, chosen === "hash" ? "text" : "json").filter(({ name }) => name !== idField),
    documents: fitting.length,
    expiring: times.length,
  };
  return { draft, report };
}

function seen({ prefix, types, partial }: Sample): string {
  const count = Object.values(types).reduce((sum, each) => sum + each, 0);
  return `${count} keys that begin with ${JSON.stringify(prefix)} were looked at, ${partial ? "not all of them" : "which is all of them"}:`;
}

function sorted(counts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counts).sort(([left], [right]) => (left < right ? -1 : 1));
}

// A prefix given without its separator gets it, when every key has one there.
function prefixOf(prefix: string, documents: readonly SampledDocument[]): string {
  const separated = documents.length > 0 && documents.every(({ key }) => key[prefix.length] === ":");
  return separated && !prefix.endsWith(":") ? `${prefix}:` : prefix;
}

function isIdAfter(key: string, prefix: string): boolean {
  const rest = key.slice(prefix.length);
  try {
    return encodeId(decodeId(rest), "key") === rest;
  } catch {
    return false;
  }
}

function nameOf(prefix: string): string {
  const name = prefix.replaceAll(/[^A-Za-z0-9_-]+/g, "-").replaceAll(/^[^A-Za-z_]+|-+$/g, "");
  return name === "" ? "entity" : name;
}

// The documents' own field of that name counts when it says the same as the key.
function idFieldOf(
  documents: readonly SampledDocument[],
  values: readonly Readonly<Record<string, unknown>>[],
  keyPrefix: string,
): string {
  const free = (name: string): boolean =>
    documents.every(({ key }, at) => {
      const value = values[at]?.[name];
      return value === undefined || value === decodeId(key.slice(keyPrefix.length));
    });
  return idNames.find(free) ?? "keyId";
}

/** The names of hash fields that are parents of others, and those of them that hold something by themselves. */
interface Parents {
  readonly all: ReadonlySet<string>;
  readonly taken: ReadonlySet<string>;
}

function parentsIn(documents: readonly SampledDocument[]): Parents {
  const all = new Set(documents.flatMap(({ value }) => Object.keys(value).flatMap(parentsOf)));
  // In an object of which nothing is stored, the mapper writes that much.
  const taken = new Set(
    documents.flatMap(({ value }) => [...all].filter((name) => value[name] !== undefined && value[name] !== "{}")),
  );
  return { all, taken };
}

function parentsOf(name: string): string[] {
  const path = name.split(".");
  return path.slice(1).map((_, at) => path.slice(0, at + 1).join("."));
}

// Dotted names of hash fields are nested objects, as the mapper writes them.
function nested(
  value: Readonly<Record<string, unknown>>,
  { all, taken }: Parents,
  dropped: Map<string, string>,
): Record<string, unknown> {
  const root: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, text] of Object.entries(value)) {
    if (parentsOf(name).some((parent) => taken.has(parent))) {
      dropped.set(name, "another field has the name of its parent");
      continue;
    }
    const path = name.split(".");
    const last = path.pop() as string;
    let holder = root;
    for (const part of path) holder = (holder[part] ??= Object.create(null)) as Record<string, unknown>;
    if (!all.has(name) || taken.has(name)) holder[last] = text;
    else holder[last] ??= Object.create(null);
  }
  return root;
}

// Without the members that the mapper hides, and the names that no schema can have.
function storable(
  value: Readonly<Record<string, unknown>>,
  form: DocumentForm,
  path: string,
  dropped: Map<string, string>,
): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    if (path === "" && name.startsWith("$")) continue;
    const problem = nameProblem(name, form === "hash" ? "hash" : "json");
    if (problem !== undefined) dropped.set(path + name, problem);
    else kept[name] = isObject(inner) ? storable(inner, form, `${path}${name}.`, dropped) : inner;
  }
  return kept;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
