// The draft of an entity type as a TypeScript file: a zod schema, its indexes, and in comments what was not certain.
// Strings of the data are written as JSON, so nothing in a database can become code.
import type { EntityDraft } from "./entity.ts";
import type { FieldGuess, Guess, ScalarGuess } from "./guess.ts";

interface Field {
  readonly schema: string;
  /** Index constructors, as text. */
  readonly index: string | undefined;
  readonly remarks: readonly string[];
}

/** How each kind of value is declared. */
const declared: Readonly<Record<ScalarGuess, Field>> = {
  string: { schema: "z.string()", index: "exact()", remarks: [] },
  prose: { schema: "z.string()", index: "text()", remarks: [] },
  uuid: { schema: "z.uuid()", index: "exact()", remarks: [] },
  email: { schema: "z.email()", index: "exact()", remarks: [] },
  url: { schema: "z.url()", index: undefined, remarks: [] },
  isoDate: { schema: "z.iso.date()", index: "range()", remarks: [] },
  isoDateTime: { schema: "z.iso.datetime()", index: "range()", remarks: [] },
  isoOffset: {
    schema: "z.iso.datetime({ offset: true })",
    index: undefined,
    remarks: ["times of several zones: not in the order of their texts"],
  },
  int: { schema: "z.int()", index: "range()", remarks: [] },
  number: { schema: "z.number()", index: "range()", remarks: [] },
  bigint: { schema: "z.bigint()", index: "range()", remarks: [] },
  boolean: { schema: "z.boolean()", index: "exact()", remarks: [] },
  bit: { schema: "bit()", index: "exact()", remarks: ["only 1 and 0 were seen: z.int() if these are counts"] },
  date: { schema: "z.date()", index: "range()", remarks: ["milliseconds since 1970"] },
  seconds: { schema: 'dateAs("s")', index: "range()", remarks: ["seconds since 1970"] },
  point: { schema: "geoPoint()", index: "geo()", remarks: [] },
  pointText: { schema: "pointText()", index: "geo()", remarks: [] },
  joined: { schema: 'joined("|")', index: "exact()", remarks: [] },
  record: { schema: "z.record(z.string(), z.unknown())", index: undefined, remarks: ["its names are data"] },
  unknown: { schema: "z.unknown()", index: undefined, remarks: ["no value was seen"] },
};

/** What a draft may have to import beside the definition itself. */
const constructors = ["bit", "dateAs", "exact", "geo", "geoPoint", "joined", "pointText", "range", "text"];

const indent = "  ";

/**
 * Prints the draft.
 *
 * @param draft - an entity type.
 * @returns the text of a TypeScript module, which compiles.
 */
export function printEntity(draft: EntityDraft): string {
  const { name, keyPrefix, form, idField, fields, documents } = draft;
  const indexes: string[] = [];
  const properties = fields.map((field) => property(field, [], indexes));
  const type = typeName(name);
  const body = [
    `name: ${text(name)},`,
    `keyPrefix: ${text(keyPrefix)},`,
    `storage: ${text(form)},`,
    ...(idField === "id" ? [] : [`id: { field: ${text(idField)} },`]),
    "schema: z.object({",
    `${indent}${propertyName(idField)}: z.string(), // what follows the prefix in the key`,
    ...properties.flat(),
    "}),",
    ...(indexes.length === 0 ? [] : ["index: {", ...indexes.map((line) => indent + line), "},"]),
    ...expiry(draft),
  ];
  const used = constructors.filter((each) => body.some((line) => new RegExp(`[ [(]${each}\\(`).test(line)));
  const imports = ["defineEntity", "type EntityOf", ...used].sort(byName);
  return [
    `// A first draft, inferred from ${documents} ${documents === 1 ? "document" : "documents"}: what was not seen, it does not know.`,
    "// Read it before you rely on it, and take away the indexes that nobody asks for.",
    `import { ${imports.join(", ")} } from "remora";`,
    'import { z } from "zod";',
    "",
    `export const ${type} = defineEntity({`,
    ...body.map((line) => indent + line),
    "});",
    `export type ${type} = EntityOf<typeof ${type}>;`,
    "",
  ].join("\n");
}

function property(field: FieldGuess, parents: readonly string[], indexes: string[]): string[] {
  const path = [...parents, field.name];
  const { lines, remarks } = schemaOf(field.guess, path, indexes);
  const rare = field.present < field.of;
  const wrappers = `${field.nullable && !isAnything(field.guess) ? ".nullable()" : ""}${rare ? ".optional()" : ""}`;
  const said = [...remarks, ...(rare ? [`in ${field.present} of ${field.of}`] : [])];
  const [first = "", ...others] = lines;
  const all = [`${indent}${propertyName(field.name)}: ${first}`, ...others.map((line) => indent + line)];
  all.push(`${all.pop()}${wrappers},${said.length === 0 ? "" : ` // ${said.join("; ")}`}`);
  return all;
}

interface Written {
  readonly lines: readonly string[];
  readonly remarks: readonly string[];
}

function schemaOf(guess: Guess, path: readonly string[], indexes: string[]): Written {
  switch (guess.kind) {
    case "enum":
      addIndex(indexes, path, "exact()");
      return { lines: [`z.enum([${guess.values.map(text).join(", ")}])`], remarks: [] };
    case "mixed":
      return { lines: ["z.unknown()"], remarks: [`of several kinds: ${guess.kinds.join(", ")}`] };
    case "array": {
      const noIndexes: string[] = [];
      const item = schemaOf(guess.item, [], noIndexes);
      if (isStrings(guess.item)) addIndex(indexes, path, "exact()");
      const [first = "", ...others] = item.lines;
      const lines = [`z.array(${first}`, ...others];
      lines.push(`${lines.pop()})`);
      return { lines, remarks: item.remarks };
    }
    case "object": {
      const inner = guess.fields.flatMap((field) => property(field, path, indexes));
      return { lines: ["z.object({", ...inner, "})"], remarks: [] };
    }
    default: {
      const { schema, index, remarks } = declared[guess.kind];
      if (index !== undefined) addIndex(indexes, path, index);
      return { lines: [schema], remarks };
    }
  }
}

// Items of lists have no path, and what has none has no index of its own.
function addIndex(indexes: string[], path: readonly string[], index: string): void {
  if (path.length > 0) indexes.push(`${propertyName(path.join("."))}: ${index},`);
}

function isStrings(guess: Guess): boolean {
  return ["string", "enum", "uuid", "email"].includes(guess.kind);
}

function isAnything({ kind }: Guess): boolean {
  return kind === "mixed" || kind === "unknown";
}

// How long they have left is no part of a file that is to be the same for the same data.
function expiry({ documents, expiring }: EntityDraft): string[] {
  return expiring === 0 ? [] : [`ttl: {}, // ${expiring} of ${documents} expire`];
}

function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : text(name);
}

function typeName(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const joined = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join("");
  // EntityOf is imported.
  return /^[A-Za-z]/.test(joined) && joined !== "EntityOf" ? joined : `Entity${joined}`;
}

function text(value: string): string {
  return JSON.stringify(value);
}

function byName(left: string, right: string): number {
  return left.replace("type ", "").toLowerCase() < right.replace("type ", "").toLowerCase() ? -1 : 1;
}
