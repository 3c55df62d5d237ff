// Documents as JSON: the schema's own shape, dates as epoch milliseconds, bigints as text, bytes as base64.
// Hidden members stand at the top, under names beginning with $.
import type { ValidationIssue } from "../errors.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import type { EncodedDocument, StorageCodec } from "./stored.ts";
import { jsonReader, jsonWriter, type Mend, parseJson, stringifyJson } from "./json-value.ts";

const noFields: readonly string[] = [];

/**
 * Compiles the JSON codec of an entity type.
 *
 * @param metadata - the entity type.
 * @returns the codec.
 */
export function jsonCodec(metadata: EntityMetadata): StorageCodec {
  const write = jsonWriter(metadata.shape, []);
  const read = jsonReader(metadata.shape);
  const { idField } = metadata;
  const { strips } = metadata.shape;
  return {
    fields: [],
    encode(entity, encodedId, hidden): EncodedDocument {
      const mends: Mend[] = [];
      const written = write === undefined ? { ...entity } : (write(entity, [], mends) as Record<string, unknown>);
      written[idField] = encodedId;
      for (const name in hidden) written[name] = hidden[name];
      return { body: stringifyJson(written, []), absent: noFields, mends };
    },
    decode(stored, issues): Record<string, unknown> | undefined {
      const parsed = parseDocument(stored as string, issues);
      if (parsed === undefined) return undefined;
      // Most schemas leave hidden members out themselves; for the others, a look for the sign is cheaper than one at each name.
      const open = strips || !(stored as string).includes("$") ? parsed : withoutHidden(parsed);
      return (read === undefined ? open : read(open)) as Record<string, unknown>;
    },
  };
}

// A copy: deleting would leave an object that is slow to read for good.
function withoutHidden(parsed: Record<string, unknown>): Record<string, unknown> {
  const open: Record<string, unknown> = {};
  for (const name of Object.keys(parsed)) {
    if (!name.startsWith("$")) open[name] = parsed[name];
  }
  return open;
}

function parseDocument(text: string, issues: ValidationIssue[]): Record<string, unknown> | undefined {
  try {
    const parsed = parseJson(text);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) {
      return parsed as Record<string, unknown>;
    }
    issues.push({ path: [], message: "the document is not a JSON object" });
  } catch (error) {
    issues.push({ path: [], message: `the document is not JSON: ${(error as Error).message.slice(0, 40)}` });
  }
  return undefined;
}
