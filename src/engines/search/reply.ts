// Replies of the search commands before they are read: a failure becomes an error that says what to do.
// A type whose index was never made is the one failure that the caller can mend.
import { IndexNotReadyError } from "../../errors.ts";
import { type Reply, ReplyFailure } from "../../redis/command.ts";
import type { Layout } from "../layout.ts";

/**
 * Checks a reply.
 *
 * @param reply - a reply, or the failure in its place.
 * @param layout - the type's layout.
 * @returns the reply.
 * @throws IndexNotReadyError when the type has no search index; otherwise what the driver gave.
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
  throw reply.error;
}
