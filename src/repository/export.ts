// Exporting NDJSON: entities as lines of JSON, page by page, in constant memory.
// What is exported is whole and valid, so that an import stores the same again.
import { LineCodec } from "../codec/line.ts";
import { QueryError } from "../errors.ts";
import type { StreamOptions } from "../query/query.ts";
import type { EntityMetadata } from "../schema/metadata.ts";

/** What `export` accepts. */
export interface ExportOptions<Q> extends StreamOptions {
  /** What to export; every entity, by id, when left out. It must not choose fields nor add any. */
  readonly query?: Q;
}

/**
 * Writes entities as lines.
 *
 * @param metadata - the entity type.
 * @param rows - the entities.
 * @param chosen - they come from a query of the caller's, so that each is looked at.
 * @returns lines with their ends.
 * @throws QueryError when a row is no whole entity.
 */
export async function* exportLines(
  metadata: EntityMetadata,
  rows: AsyncIterable<Record<string, unknown>>,
  chosen: boolean,
): AsyncGenerator<string, void, undefined> {
  const codec = new LineCodec(metadata);
  for await (const row of rows) {
    yield `${codec.write(chosen ? whole(metadata, row) : row)}\n`;
  }
}

function whole(metadata: EntityMetadata, row: Record<string, unknown>): Record<string, unknown> {
  const { name } = metadata;
  const result = metadata.validateEntity(row);
  if (result.ok) return result.value;
  throw new QueryError(`${name}: export takes queries for whole entities, without select, distances and highlights`, {
    entity: name,
  });
}
