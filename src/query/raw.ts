// Conditions in the search server's own language, for what the operators do not say: text by the caller, values apart.
// Only the search engine understands them; the others refuse them by name.
import { QueryError, UnsupportedQueryError } from "../errors.ts";
import type { Operand, QueryNode } from "./node.ts";

/** A condition as the caller wrote it: texts, and the values between them. */
export interface RawNode {
  readonly texts: readonly string[];
  readonly values: readonly Operand[];
}

/**
 * Takes a raw condition from a template.
 *
 * @param name - the entity type, for errors.
 * @param texts - the template's texts.
 * @param values - what stands between them.
 * @returns the condition.
 * @throws QueryError when it is no template, or a value is none that an index holds.
 */
export function rawNode(name: string, texts: unknown, values: readonly unknown[]): RawNode {
  const refuse = (reason: string): never => {
    throw new QueryError(`${name}: whereRaw ${reason}`, { entity: name });
  };
  // Only a template's own texts may be texts: what was put together from values would be text as well.
  if (!Array.isArray(texts) || !Object.hasOwn(texts, "raw")) refuse("is a template: whereRaw`@year:[${from} +inf]`");
  for (const value of values) {
    const known = ["string", "number", "boolean", "bigint"].includes(typeof value) || value instanceof Date;
    if (!known)
      refuse(`takes strings, numbers, booleans, bigints and dates, not ${value === null ? "null" : typeof value}`);
    if (typeof value === "number" && Number.isNaN(value)) refuse("takes no NaN");
    if (value instanceof Date && Number.isNaN(value.getTime())) refuse("takes no invalid date");
  }
  return Object.freeze({
    texts: Object.freeze([...(texts as string[])]),
    values: Object.freeze([...values]) as readonly Operand[],
  });
}

/**
 * Refuses raw conditions.
 *
 * @param query - a query.
 * @param engine - the engine that would have to answer it.
 * @throws UnsupportedQueryError when the query has one.
 */
export function refuseRaw({ metadata, raw }: QueryNode, engine: string): void {
  if (raw === undefined) return;
  const { name } = metadata;
  throw new UnsupportedQueryError(
    `${name}: whereRaw is in the language of the search server, which the ${engine} engine does not read; ` +
      "use operators, or the search engine for this type",
    { entity: name },
  );
}
