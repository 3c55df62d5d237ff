// From a value to what an index holds: terms, scores and tokens, the same for every engine.
// Whatever an index would change or cut is refused here, before anything is written.
import { ValidationError } from "../errors.ts";
import type { RankedField } from "../schema/board.ts";
import type { EntityMetadata, IndexMetadata, UniqueMetadata } from "../schema/metadata.ts";
import type { GeoPoint } from "../schema/paths.ts";
import { canonicalDecimal, complementOf, sortableDecimal } from "../schema/decimal.ts";
import { canonicalLongitude, maxLatitude, valueAt } from "../schema/shape.ts";
import { vectorDigest, vectorProblem } from "./vector.ts";

/** Tag values are cut at 4 096 bytes by search servers; longer ones are refused everywhere alike. */
const maxTermBytes = 4095;

/**
 * Folds case: what `caseInsensitive` indexes store and compare.
 *
 * @param value - any text.
 * @returns the folded text.
 */
export function foldCase(value: string): string {
  // Down, up, down: so that letters with several small or capital forms (sigma, sharp s) meet in one.
  const folded = value.toLowerCase().toUpperCase().toLowerCase();
  // The last sigma of a word has a form of its own, which no beginning of a longer word would have.
  return folded.includes("\u03c2") ? folded.replaceAll("\u03c2", "\u03c3") : folded;
}

/**
 * Splits text into its words: runs of letters, marks and digits, after compatibility folding.
 *
 * @param value - any text.
 * @returns the distinct words, in order of appearance.
 */
export function tokens(value: string): string[] {
  return [...new Set(words(value))];
}

/**
 * Splits text into its words, repeated ones as often as they stand there.
 *
 * @param value - any text.
 * @returns the words, in order.
 */
export function words(value: string): string[] {
  const found = value.normalize("NFKC").match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  // Each word by itself, and composed again: folding takes letters apart and looks at neighbours, and a word alone
  // must be the word it is in a text.
  return found.map((word) => foldCase(word).normalize("NFKC"));
}

/**
 * The lowest text above everything that begins with another.
 *
 * @param prefix - any text that is not empty.
 * @returns the bound; undefined when there is nothing above.
 */
export function afterPrefix(prefix: string): string | undefined {
  const characters = Array.from(prefix);
  for (let last = characters.pop(); last !== undefined; last = characters.pop()) {
    const code = last.codePointAt(0) as number;
    // Surrogates are no characters of their own.
    if (code < 0x10ffff) return characters.join("") + String.fromCodePoint(code === 0xd7ff ? 0xe000 : code + 1);
  }
  return undefined;
}

/**
 * Writes a bigint so that byte order is numeric order.
 *
 * @param value - any bigint of up to 999 999 digits.
 * @returns sign, length and digits; digits and length complemented for negatives.
 */
export function sortableBigint(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString();
  const length = String(digits.length).padStart(6, "0");
  return value < 0n ? `-${complementOf(length)}${complementOf(digits)}` : `0${length}${digits}`;
}

/**
 * What an index compares of a value: the value itself, unless it is one that only its own codec knows.
 *
 * @param index - the index.
 * @param value - a value of the field, not null, or an element of it.
 * @param name - name of the entity type, for the error.
 * @returns the value to compare.
 * @throws ValidationError when the codec refuses it.
 */
export function comparable(index: IndexMetadata, value: unknown, name: string): unknown {
  if (index.encode === undefined) return value;
  const encoded = index.encode(value);
  if (encoded.ok) return encoded.value;
  throw new ValidationError(`${name}.${index.path} cannot be encoded: ${encoded.message}`, {
    entity: name,
    field: index.path,
  });
}

/**
 * The term of one value in an index: what equality compares.
 *
 * @param index - the index.
 * @param value - a value of the indexed type, not null, as {@link comparable} gives it.
 * @returns the term; for points `longitude,latitude`.
 */
export function termOf(index: IndexMetadata, value: unknown): string {
  switch (typeof value) {
    case "string":
      if (index.scalar === "decimal") return index.kind === "range" ? sortableDecimal(value) : canonicalDecimal(value);
      return index.caseInsensitive ? foldCase(value) : value;
    case "bigint":
      return index.kind === "range" ? sortableBigint(value) : value.toString();
    case "number":
      return numberText(value);
    case "boolean":
      return value ? "true" : "false";
    default:
      return value instanceof Date ? String(value.getTime()) : pointText(value as GeoPoint);
  }
}

/**
 * A number as text that reads back as the same number.
 *
 * @param value - a finite number.
 * @returns its shortest decimal form; zero has no sign.
 */
export function numberText(value: number): string {
  return value === 0 ? "0" : String(value);
}

/**
 * A point as text, with +180 degrees written as -180, since they are one meridian.
 *
 * @param point - degrees east and north.
 * @returns `longitude,latitude`, each as text that reads back as the same number.
 */
export function pointText(point: GeoPoint): string {
  return `${numberText(canonicalLongitude(point.longitude))},${numberText(point.latitude)}`;
}

/** What one index holds for one entity: a term, several terms, or nothing. */
export type IndexValue = string | readonly string[] | undefined;

/**
 * What an index holds for an entity.
 *
 * @param index - the index.
 * @param entity - a validated entity.
 * @param name - name of the entity type, for the error.
 * @returns a term, the whole of a native text, a list of distinct terms for arrays and text, or undefined when the value is
 *   absent.
 * @throws ValidationError when a string is too long for the index, or holds NUL or half a surrogate pair.
 */
function indexValue(index: IndexMetadata, entity: unknown, name: string): IndexValue {
  const held = valueAt(entity, index.names);
  if (held === undefined) return undefined;
  const value = index.array ? held : comparable(index, held, name);
  if (index.kind === "text") {
    const found = index.phrase ? words(value as string) : tokens(value as string);
    return found.map((word) => checkTerm(word, index.path, name));
  }
  if (index.vector !== undefined) {
    const problem = vectorProblem(value, index.vector);
    if (problem === undefined) return vectorDigest(value as readonly number[]);
    throw new ValidationError(`${name}.${index.path} ${problem}`, { entity: name, field: index.path });
  }
  if (index.kind === "native") return checkNul(value as string, index.path, name);
  if (index.kind === "geo") checkPoint(value as GeoPoint, index.path, name);
  if (!index.array) return checkTerm(termOf(index, value), index.path, name);
  const terms = new Set<string>();
  for (const item of value as unknown[]) {
    if (item === null || item === undefined) continue;
    terms.add(checkTerm(termOf(index, comparable(index, item, name)), index.path, name));
  }
  return [...terms];
}

/**
 * What a unique constraint holds for an entity.
 *
 * @param unique - the constraint.
 * @param entity - a validated entity.
 * @returns the value, injective over all its fields; undefined when any field is absent, which never collides.
 */
export function uniqueValue(unique: UniqueMetadata, entity: unknown): string | undefined {
  const parts: string[] = [];
  for (const path of unique.paths) {
    const held = valueAt(entity, path.split("."));
    if (held === undefined) return undefined;
    const encoded = unique.encode?.[path]?.(held);
    if (encoded?.ok === false)
      throw new ValidationError(`${path} cannot be encoded: ${encoded.message}`, { field: path });
    const value = (encoded === undefined ? held : encoded.value) as string | number | boolean | bigint | Date;
    const text = value instanceof Date ? String(value.getTime()) : String(value);
    parts.push(unique.caseInsensitive === true && typeof value === "string" ? foldCase(text) : text);
  }
  // One field stays readable; several are written as JSON, which cannot run together.
  return parts.length === 1 ? parts[0] : JSON.stringify(parts);
}

function rankedValue({ names }: RankedField, entity: unknown): IndexValue {
  const held = valueAt(entity, names);
  return held === undefined ? undefined : numberText(held as number);
}

/**
 * Everything the indexes, constraints and leaderboards hold for an entity, as the save script's snapshot.
 *
 * @param metadata - the entity type.
 * @param entity - a validated entity.
 * @returns one value per index, then one per unique constraint, then the numbers of leaderboards.
 */
export function indexValues(metadata: EntityMetadata, entity: unknown): IndexValue[] {
  return [
    ...metadata.indexes.map((index) => indexValue(index, entity, metadata.name)),
    ...metadata.uniques.map((unique) => uniqueValue(unique, entity)),
    ...metadata.ranked.map((field) => rankedValue(field, entity)),
  ];
}

/**
 * What one index or constraint holds for an entity of which not everything need be known.
 *
 * @param metadata - the entity type.
 * @param position - position in the snapshot.
 * @param entity - validated values of what the index or constraint is about.
 * @returns its value.
 */
export function indexValueAt(metadata: EntityMetadata, position: number, entity: unknown): IndexValue {
  const index = metadata.indexes[position];
  if (index !== undefined) return indexValue(index, entity, metadata.name);
  const behind = position - metadata.indexes.length;
  const unique = metadata.uniques[behind];
  if (unique !== undefined) return uniqueValue(unique, entity);
  return rankedValue(metadata.ranked[behind - metadata.uniques.length] as RankedField, entity);
}

/**
 * Tells why a string cannot be stored or compared exactly, if so.
 *
 * @param value - any string.
 * @returns the reason, or undefined when it can.
 */
export function textProblem(value: string): string | undefined {
  if (!value.isWellFormed()) return "holds half of a surrogate pair";
  return undefined;
}

function checkPoint({ longitude, latitude }: GeoPoint, path: string, name: string): void {
  if (Math.abs(longitude) <= 180 && Math.abs(latitude) <= maxLatitude) return;
  throw new ValidationError(
    `${name}.${path} lies outside what a geo index holds: longitude within 180 degrees, latitude within ${maxLatitude}`,
    { entity: name, field: path },
  );
}

function checkTerm(term: string, path: string, name: string): string {
  const tooLong = term.length > maxTermBytes / 3 && Buffer.byteLength(tagText(term)) > maxTermBytes;
  if (!tooLong) return checkNul(term, path, name);
  throw new ValidationError(
    `${name}.${path} is longer than ${maxTermBytes} bytes, too long for an index; use text() or no index`,
    { entity: name, field: path },
  );
}

function checkNul(value: string, path: string, name: string): string {
  if (!value.includes("\u0000")) return value;
  throw new ValidationError(`${name}.${path} holds a NUL character, which an index cannot hold`, {
    entity: name,
    field: path,
  });
}

// Words of a comma-free code: where one of them stands in a text, nothing but that one can have been meant.
const bordered = { "\u0001": "22223", "\u0002": "22323", "\u0003": "22332", start: "33223", end: "33232" };
type Bordered = keyof typeof bordered;

function border(name: Bordered): string {
  return bordered[name].replaceAll("2", "\u0002").replaceAll("3", "\u0003");
}

/**
 * Writes a part of a string as it stands inside of {@link borderedText}.
 *
 * @param part - a part of a string.
 * @param atEnd - whether it is the last part.
 * @returns the part, found in the text exactly where the string has it.
 */
export function borderedPart(part: string, atEnd: boolean): string {
  const inner = part.replace(/[\u0001-\u0003]/g, (character) => border(character as Bordered));
  return atEnd ? inner + border("end") : inner;
}

/**
 * Writes a string so that a search server neither trims nor splits it, and its parts can be looked for.
 *
 * @param value - a string without NUL.
 * @returns the string between marks of its beginning and end.
 */
export function borderedText(value: string): string {
  return border("start") + borderedPart(value, true);
}

/** Separates the terms of an array in one hash field. */
export const tagSeparator = "\u0001";
// What a search server would trim or split: leading and trailing blanks, the separator, the escape itself.
const hostileTag = /^[\u0001-\u0020]|[\u0001\u0002]|[\t-\r ]$/;

/**
 * Writes a string so that a search server's hash tag holds it unchanged, in the same order.
 *
 * @param value - a string without NUL.
 * @returns the same string, or an escaped one when it would be trimmed or split.
 */
export function tagText(value: string): string {
  if (!hostileTag.test(value)) return value;
  // The escape sorts below every ordinary character, and its codes keep the order of what they stand for.
  const inner = value.replace(
    /^[\u0001-\u0020]|[\u0001\u0002]/g,
    (character) => `\u0002${String.fromCharCode(character.charCodeAt(0) + 0x40)}`,
  );
  return /[\t-\r ]$/.test(inner) ? `${inner}\u0002` : inner;
}

/**
 * Reads what {@link tagText} wrote.
 *
 * @param stored - a stored string.
 * @returns the original.
 */
export function untagText(stored: string): string {
  if (!stored.includes("\u0002")) return stored;
  return stored.replace(/\u0002([\u0041-\u0060]?)/g, (_escape, code: string) =>
    code === "" ? "" : String.fromCharCode(code.charCodeAt(0) - 0x40),
  );
}
