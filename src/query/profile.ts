// What a search server tells of a command that it ran: its times, what was read of its indexes, what was done with rows.
// Plain data and its words; how a server says it is the search engine's business.

/** What was read of an index, or how several such readings were joined; rows of a tree, for `console.table`. */
export interface ProfiledIterator {
  /** How deep it stands in the tree, from 0. */
  readonly depth: number;
  /** What it is, in the server's words, such as `INTERSECT`, `UNION`, `NOT`, `TAG`, `NUMERIC`. */
  readonly type: string;
  /** The term, the range or the kind of what is joined; null where there is none. */
  readonly term: string | null;
  /** How many times something was read from it. */
  readonly count: number;
  /** How many entries it has; null where the server does not say. */
  readonly size: number | null;
  /** Milliseconds, with what is below it; null where the server does not say. */
  readonly milliseconds: number | null;
}

/** A step that rows went through, such as `Sorter` or `Loader`. */
export interface ProfiledProcessor {
  /** What it does, in the server's words. */
  readonly type: string;
  /** How many rows came out of it. */
  readonly count: number;
  /** Milliseconds, with the steps before it; null where the server does not say. */
  readonly milliseconds: number | null;
}

/** What a search server tells of one command. */
export interface ServerProfile {
  /** `FT.SEARCH` or `FT.AGGREGATE`. */
  readonly command: string;
  /** Milliseconds that the server took in all; servers round them. */
  readonly milliseconds: number;
  /** Of these, until the query was read. */
  readonly parsing: number;
  /** Of these, until what answers it was made. */
  readonly pipeline: number;
  /** What was read, parents before their children. */
  readonly iterators: readonly ProfiledIterator[];
  /** The steps that rows went through, in order. */
  readonly processors: readonly ProfiledProcessor[];
}

/** How many iterators are written out; of more, the number is. */
const maxShown = 20;

/**
 * A server's profile in words.
 *
 * @param profile - the profile.
 * @returns lines, indented below their parents.
 */
export function describeProfile({ milliseconds, parsing, pipeline, iterators, processors }: ServerProfile): string[] {
  const rest = iterators.length - maxShown;
  return [
    `server: ${milliseconds} ms, parsing ${parsing} ms, pipeline ${pipeline} ms`,
    ...iterators.slice(0, maxShown).map(({ depth, type, term, count, size, milliseconds: took }) => {
      const what = term === null ? type : `${type} ${JSON.stringify(term)}`;
      return `${"  ".repeat(depth + 1)}${what}  ${count}${size === null ? "" : ` of ${size}`} read${time(took)}`;
    }),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
    ...processors.map(({ type, count, milliseconds: took }) => `  ${type}  ${count} rows${time(took)}`),
  ];
}

function time(milliseconds: number | null): string {
  return milliseconds === null ? "" : `, ${milliseconds} ms`;
}
