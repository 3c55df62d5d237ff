// `remora infer`: connects, reads a sample, and hands out the draft of an entity type.
// A URL may hold a password, so no message repeats it.
import { EntityNotFoundError } from "../../errors.ts";
import { openServer } from "../server.ts";
import { inferEntity } from "./entity.ts";
import { printEntity } from "./print.ts";
import { type ReadLimits, readSample } from "./read.ts";

/** What the command is told. */
export interface InferOptions extends ReadLimits {
  readonly url: string;
}

/** What it has to say: a file, and remarks about it. */
export interface InferOutput {
  readonly source: string;
  readonly report: readonly string[];
}

/**
 * Drafts an entity type from what is stored. Commands: SCAN, TYPE, PTTL, HLEN, HGETALL, STRLEN, GET and JSON.GET.
 *
 * @param prefix - what the keys begin with.
 * @param options - where, and how much to read.
 * @returns the text of a TypeScript file, and the report.
 * @throws ConnectionError when the server cannot be reached.
 * @throws EntityNotFoundError when no document has such a key.
 */
export async function infer(prefix: string, { url, ...limits }: InferOptions): Promise<InferOutput> {
  const client = await openServer(url);
  try {
    const { draft, report } = inferEntity(await readSample(client, prefix, limits));
    if (draft === undefined) {
      throw new EntityNotFoundError(
        [`no document has a key that begins with ${JSON.stringify(prefix)}; look for another prefix`, ...report].join(
          "\n",
        ),
      );
    }
    return { source: printEntity(draft), report };
  } finally {
    client.disconnect();
  }
}
