// What was read of a database, as plain data: the input of the inference, which is pure.

/** The forms of documents that are understood. */
export type DocumentForm = "hash" | "json" | "string";

/** One document as it was read. */
export interface SampledDocument {
  readonly key: string;
  readonly form: DocumentForm;
  /** Of a hash: its fields, all text. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Milliseconds left to live; undefined for those that do not expire. */
  readonly ttl: number | undefined;
}

/** What was read under a prefix. */
export interface Sample {
  /** What the keys were asked to begin with. */
  readonly prefix: string;
  readonly documents: readonly SampledDocument[];
  /** Keys by the type that the server tells, all that were looked at. */
  readonly types: Readonly<Record<string, number>>;
  /** Keys of these types that hold no document, and why: reason to number. */
  readonly unfit: Readonly<Record<string, number>>;
  /** Not every key was looked at. */
  readonly partial: boolean;
}
