// What must change in a stored document so that the indexes of a definition can stand on it.
// Only indexed fields, the id and hidden members are touched; what else is in a document stays as it is.
import { isDeepStrictEqual } from "node:util";
import { steadyFields } from "../codec/hash.ts";
import { parseJson } from "../codec/json-value.ts";
import { jsonPath } from "../codec/place.ts";
import type { EncodedDocument, StoredDocument } from "../codec/stored.ts";
import { tagText, untagText } from "../codec/term.ts";
import { isHiddenMember } from "../engines/search/attributes.ts";
import { keepsDeadline, type Layout } from "../engines/layout.ts";
import { storedNames } from "../schema/names.ts";
import { type Shape, shapeAt } from "../schema/shape.ts";
import type { TypeContext } from "../repository/context.ts";

/** Changes to a document. */
interface Changes {
  /** Names and values of a hash; paths and values of a JSON document, as JSON. */
  readonly sets: ReadonlyMap<string, string>;
  /** Names, or paths. */
  readonly removals: readonly string[];
  /** Paths and texts of numbers to be held exactly. */
  readonly mends: readonly string[];
}

/** A stored document, as the indexes of a definition see it. */
export interface Revision {
  /** The document in the form that the definition's codec reads. */
  readonly stored: StoredDocument;
  /** The document's text was rewritten for other tagged fields than it was written with. */
  readonly converted: boolean;
  /**
   * What must change.
   *
   * @param encoded - the entity as a save would store it; undefined when the document does not fit the schema.
   */
  readonly changes: (encoded: EncodedDocument | undefined) => Changes;
}

/**
 * Compares stored documents with what their indexes need.
 *
 * @param context - the entity type.
 * @returns a function over a document as the server holds it, its id as it stands in the key, the fields that are
 *   tagged in it, and whether its id is to be written even if it stands there.
 */
export function reviser(
  context: TypeContext,
): (body: readonly string[] | string, encodedId: string, tagged: readonly string[], touched: boolean) => Revision {
  const { layout, metadata } = context;
  const { indexes, uniques, idField } = metadata;
  const indexed = [...indexes.map(({ path }) => path), ...uniques.flatMap((unique) => unique.paths)];
  // What a save writes in another way each time is as it should be when it can be read.
  const paths = [...new Set(indexed.filter((path) => !varies(shapeAt(metadata.shape, path)?.shape)))];
  const places = paths.map((path) => storedNames(metadata.shape, path.split(".")));
  if (metadata.storage !== "hash") {
    return (body, encodedId, _tagged, touched) => reviseJson(layout, body as string, encodedId, places, touched);
  }
  const compared = new Set(places.map((names) => names.join(".")));
  const steady = steadyFields(metadata.shape, idField);
  return (body, encodedId, tagged, touched) => {
    const fields = new Map<string, string>();
    for (let at = 0; at < body.length; at += 2) fields.set(body[at] as string, body[at + 1] as string);
    const conversions = convert(fields, tagged, layout.tagged);
    return {
      stored: context.codec.fields.map((field) => fields.get(field) ?? null),
      converted: conversions.size > 0,
      changes(encoded) {
        const sets = new Map(conversions);
        if (touched || fields.get(idField) !== encodedId) sets.set(idField, encodedId);
        if (encoded === undefined) return { sets, removals: [], mends: [] };
        const removals: string[] = [];
        const wanted = fieldsOf(encoded, steady);
        for (const [name, text] of wanted) {
          if ((compared.has(name) || isHiddenMember(name)) && fields.get(name) !== text) sets.set(name, text);
        }
        for (const name of fields.keys()) {
          if ((compared.has(name) || isObsolete(layout, name)) && !wanted.has(name)) {
            removals.push(name);
            sets.delete(name);
          }
        }
        return { sets, removals, mends: [] };
      },
    };
  };
}

function varies(shape: Shape | undefined): boolean {
  return shape?.stored?.same !== undefined || (shape?.kind === "array" && varies(shape.item));
}

function isObsolete(layout: Layout, name: string): boolean {
  return isHiddenMember(name) && !(name === "$deadline" && keepsDeadline(layout));
}

// Text is kept safe in the fields that a search index reads: when these change, the text follows.
function convert(fields: Map<string, string>, had: readonly string[], has: readonly string[]): Map<string, string> {
  const changed = new Map<string, string>();
  const rewrite = (names: readonly string[], others: readonly string[], write: (text: string) => string): void => {
    for (const name of names) {
      const text = fields.get(name);
      if (text === undefined || others.includes(name)) continue;
      const written = write(text);
      if (written !== text) changed.set(name, written);
    }
  };
  rewrite(had, has, untagText);
  rewrite(has, had, tagText);
  for (const [name, text] of changed) fields.set(name, text);
  return changed;
}

function fieldsOf({ body }: EncodedDocument, steady: readonly string[]): Map<string, string> {
  const values = body as readonly string[];
  const fields = new Map(steady.map((name, at) => [name, values[at] as string]));
  for (let at = steady.length; at < values.length; at += 2) fields.set(values[at] as string, values[at + 1] as string);
  return fields;
}

type Json = Record<string, unknown>;

function reviseJson(
  layout: Layout,
  body: string,
  encodedId: string,
  paths: readonly (readonly string[])[],
  touched: boolean,
): Revision {
  const { idField } = layout.metadata;
  return {
    stored: body,
    converted: false,
    changes(encoded) {
      const held = parseJson(body);
      const sets = new Map<string, string>();
      const removals: string[] = [];
      if (!isObject(held)) return { sets, removals, mends: [] };
      if (touched || held[idField] !== encodedId) sets.set(jsonPath([idField]), JSON.stringify(encodedId));
      if (encoded === undefined) return { sets, removals, mends: [] };
      const wanted = parseJson(encoded.body as string) as Json;
      const hidden = Object.keys(wanted).filter(isHiddenMember);
      for (const path of [...paths, ...hidden.map((name) => [name])]) comparePath(held, wanted, path, sets, removals);
      for (const name of Object.keys(held)) {
        if (isObsolete(layout, name) && !(name in wanted)) removals.push(jsonPath([name]));
      }
      return { sets, removals, mends: sets.size === 0 ? [] : encoded.mends.flat() };
    },
  };
}

// Goes down a path until the document differs from what it should be, and notes the difference there.
function comparePath(
  held: Json,
  wanted: Json,
  path: readonly string[],
  sets: Map<string, string>,
  removals: string[],
): void {
  let [there, here] = [wanted, held];
  for (const [at, name] of path.entries()) {
    const place = jsonPath(path.slice(0, at + 1));
    const [value, found] = [there[name], here[name]];
    if (value === undefined || value === null) {
      if (found !== undefined && found !== null) removals.push(place);
      return;
    }
    if (at < path.length - 1 && isObject(value) && isObject(found)) {
      [there, here] = [value, found];
      continue;
    }
    if (!isDeepStrictEqual(value, found)) sets.set(place, JSON.stringify(value));
    return;
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
