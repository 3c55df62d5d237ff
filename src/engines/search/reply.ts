// Replies of the search commands before they are read: a failure becomes an error that says what to do.
// A type whose index was never made is the one failure that the caller can mend.
import { IndexNotReadyError, QueryError, ResultTooLargeError } from "../../errors.ts";
import { type Reply, ReplyFailure } from "../../redis/command.ts";
import type { Layout } from "../layout.ts";

/**
 * Checks a reply.
 *
 * @param reply - a reply, or the failure in its place.
 * @param layout - the type's layout.
 * @returns the reply.
 * @throws IndexNotReadyError when the type has no search index.
 * @throws ResultTooLargeError when the server does not allow the window.
 * @throws QueryError when the server cannot read the query; otherwise what the driver gave.
 */
export function checked(reply: Reply, layout: Layout): unknown {
  if (!(reply instanceof ReplyFailure)) return reply;
  if (/no such index|unknown index name/i.test(reply.error.message)) {
    const { name } = layout.metadata;
    throw new IndexNotReadyError(`${name} has no search index for this definition: call indexes.sync()`, {
      entity: name,
      cause: reply.error,
    });
  }
  if (/(?:limit|offset) exceeds maximum/i.test(reply.error.message)) {
    const { name } = layout.metadata;
    throw new ResultTooLargeError(
      `${name}: the search server's MAXSEARCHRESULTS or MAXAGGREGATERESULTS does not allow this limit or offset; ` +
        "ask for fewer rows or a smaller offset, or raise it",
      { entity: name, cause: reply.error },
    );
  }
  if (/syntax error|unknown (?:field|property)|invalid (?:geo|numeric|query)/i.test(reply.error.message)) {
    const { name } = layout.metadata;
    // The engine's own text is always well formed.
    throw new QueryError(`${name}: the search server cannot read what whereRaw says: ${reply.error.message}`, {
      entity: name,
      cause: reply.error,
    });
  }
  throw reply.error;
}
