// Replies made plain: RESP2 and RESP3 shapes, from any driver version, to one form.
// Told apart by the shape that arrives, not by what was asked for.

/** One row of a search: the key, and the document as name-value pairs; no pairs when only keys were asked for. */
export interface SearchRow {
  readonly key: string | undefined;
  readonly pairs: readonly string[] | undefined;
}

/** A search reply in plain form. */
export interface SearchReply {
  /** How many match; for aggregations not to be trusted. */
  readonly total: number;
  readonly rows: readonly SearchRow[];
  /** What the server warned of, such as a time-out; a reply with warnings is not complete. */
  readonly warnings: readonly string[];
}

/**
 * Reads the reply of FT.SEARCH.
 *
 * @param reply - a RESP2 list, a flattened RESP3 map, or an object.
 * @param content - whether documents were asked for.
 * @returns the plain form.
 */
export function readSearch(reply: unknown, content: boolean): SearchReply {
  const map = asMap(reply);
  if (map !== undefined) return fromMap(map);
  const list = reply as unknown[];
  const rows: SearchRow[] = [];
  for (let at = 1; at < list.length; at += content ? 2 : 1) {
    const fields = content ? list[at + 1] : undefined;
    // A document that expired meanwhile has nothing in its place; with RESP2 all else is text.
    rows.push({ key: String(list[at]), pairs: Array.isArray(fields) ? (fields as string[]) : undefined });
  }
  return { total: Number(list[0]), rows, warnings: [] };
}

/**
 * Reads the reply of FT.AGGREGATE.
 *
 * @param reply - a RESP2 list, a flattened RESP3 map, or an object.
 * @returns the plain form; rows have no key of their own.
 */
export function readAggregate(reply: unknown): SearchReply {
  const map = asMap(reply);
  if (map !== undefined) return fromMap(map);
  const [total, ...rest] = reply as unknown[];
  const rows = rest.map((row) => ({ key: undefined, pairs: (row as unknown[] | null)?.map(String) }));
  return { total: Number(total), rows, warnings: [] };
}

/** Rows of an aggregation that is read in parts. */
export interface CursorReply {
  /** Names and values in turn, null where a group has no value; a document that died meanwhile is nothing. */
  readonly rows: readonly (readonly (string | null)[] | undefined)[];
  /** Where to read on; undefined at the end. */
  readonly cursor: string | undefined;
}

/**
 * Reads the reply of FT.AGGREGATE WITHCURSOR, or of FT.CURSOR READ.
 *
 * @param reply - a list of rows in any of the shapes of {@link readAggregate}, and a cursor.
 * @returns the plain form.
 */
export function readCursor(reply: unknown): CursorReply {
  const [found, cursor] = reply as [unknown, unknown];
  const map = asMap(found);
  const rows =
    map === undefined
      ? (found as unknown[]).slice(1)
      : ((map["results"] as unknown[] | undefined) ?? []).map(attributesOf);
  const texts = (row: unknown): (string | null)[] | undefined =>
    (row as (string | number | null)[] | null)?.map((value) => (value === null ? null : String(value)));
  const place = String(cursor as string | number);
  return { rows: rows.map(texts), cursor: place === "0" ? undefined : place };
}

function attributesOf(row: unknown): unknown[] | undefined {
  const attributes = readMap(row)["extra_attributes"];
  return attributes === undefined || attributes === null ? undefined : Object.entries(readMap(attributes)).flat();
}

/**
 * Reads a reply of names and values in turn, such as FT.INFO or HELLO.
 *
 * @param reply - a flat list, or an object.
 * @returns the values by name.
 */
export function readMap(reply: unknown): Record<string, unknown> {
  if (!Array.isArray(reply)) return typeof reply === "object" && reply !== null ? { ...reply } : {};
  const map: Record<string, unknown> = {};
  for (let at = 0; at + 1 < reply.length; at += 2) map[String(reply[at])] = reply[at + 1];
  return map;
}

// RESP2 replies begin with a number; RESP3 ones with a name, or are objects.
function asMap(reply: unknown): Record<string, unknown> | undefined {
  if (Array.isArray(reply) && typeof reply[0] !== "string") return undefined;
  return readMap(reply);
}

function fromMap(map: Record<string, unknown>): SearchReply {
  const results = (map["results"] as unknown[] | undefined) ?? [];
  const rows = results.map((result) => {
    const row = readMap(result);
    const attributes = row["extra_attributes"];
    return {
      key: typeof row["id"] === "string" ? row["id"] : undefined,
      pairs: attributes === undefined || attributes === null ? undefined : flatPairs(attributes),
    };
  });
  const warnings = ((map["warning"] ?? map["warnings"]) as unknown[] | undefined) ?? [];
  return { total: Number(map["total_results"]), rows, warnings: warnings.map(String) };
}

function flatPairs(attributes: unknown): string[] {
  return Object.entries(readMap(attributes)).flatMap(([name, value]) => [name, String(value)]);
}
