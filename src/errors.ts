// The one error family: every failure the library reports is a RemoraError with a stable code.
// Brands instead of instanceof, so that two copies of the package in one process still agree.

/** What the library knows about a failure, beside its message. */
export interface ErrorDetails {
  /** Name of the entity type concerned. */
  readonly entity?: string | undefined;
  /** Id of the entity concerned. */
  readonly id?: string | undefined;
  /** Dotted path of the field concerned. */
  readonly field?: string | undefined;
  /** The lower-level error, kept for debugging. */
  readonly cause?: unknown;
}

/** One problem found by validation: where, and what. */
export interface ValidationIssue {
  /** Path from the entity's root, as zod reports it. */
  readonly path: readonly (string | number)[];
  /** What is wrong, in zod's words. */
  readonly message: string;
  /** zod's own code for the problem, where it has one. */
  readonly code?: string | undefined;
}

const brand: unique symbol = Symbol.for("remora.error") as never;

/** The stable codes, one for each class of error. */
export type ErrorCode =
  | "VALIDATION"
  | "DEFINITION"
  | "QUERY"
  | "UNSUPPORTED_QUERY"
  | "UNSUPPORTED_STORAGE"
  | "ENTITY_NOT_FOUND"
  | "ENTITY_EXISTS"
  | "UNIQUE_VIOLATION"
  | "VERSION_CONFLICT"
  | "LOCK_LOST"
  | "RELATION"
  | "CORRUPT_ENTITY"
  | "INDEX_NOT_READY"
  | "ENGINE_MISMATCH"
  | "RESULT_TOO_LARGE"
  | "INVALID_CURSOR"
  | "CROSS_SLOT"
  | "OUTCOME_UNKNOWN"
  | "DEADLINE"
  | "CONNECTION"
  | "CAPABILITY";

/**
 * The base of every error this library throws.
 *
 * @example
 * ```ts
 * import { isRemoraError, ValidationError } from "remora";
 *
 * const error: unknown = new ValidationError("title: expected string", { entity: "movie", field: "title" });
 * if (isRemoraError(error, "VALIDATION")) error.field; // "title"
 * ```
 */
export class RemoraError extends Error {
  /** Stable, machine-readable code: switch on it rather than on the class. */
  readonly code: ErrorCode;
  /** Name of the entity type concerned, if any. */
  readonly entity: string | undefined;
  /** Id of the entity concerned, if any. */
  readonly id: string | undefined;
  /** Dotted path of the field concerned, if any. */
  readonly field: string | undefined;
  /** Brand shared by every copy of the package. */
  readonly [brand]: true;

  /**
   * @param code - the stable code of the class.
   * @param message - what happened, to which entity, and what to do.
   * @param details - entity, id, field and cause, where known.
   */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.entity = details.entity;
    this.id = details.id;
    this.field = details.field;
    this[brand] = true;
    if (details.cause !== undefined) {
      // Not enumerable: drivers keep command arguments on their errors, and those may be secrets.
      Object.defineProperty(this, "cause", { value: details.cause, enumerable: false });
    }
  }

  /**
   * The error as plain data, safe to log: no cause, no stored values.
   *
   * @returns name, code, message, entity, id and field.
   */
  toJSON(): Record<string, unknown> {
    return {
      name: this.name,
      code: this.code,
      message: this.message,
      entity: this.entity,
      id: this.id,
      field: this.field,
    };
  }
}

/** The class behind each code. */
export interface ErrorByCode {
  /** Input that the schema or the id rules refuse. */
  VALIDATION: ValidationError;
  /** A definition that cannot work. */
  DEFINITION: DefinitionError;
  /** A query that makes no sense. */
  QUERY: QueryError;
  /** A query that this engine cannot answer equally. */
  UNSUPPORTED_QUERY: UnsupportedQueryError;
  /** A storage that this server does not offer. */
  UNSUPPORTED_STORAGE: UnsupportedStorageError;
  /** No entity has the id. */
  ENTITY_NOT_FOUND: EntityNotFoundError;
  /** An entity has the id already. */
  ENTITY_EXISTS: EntityExistsError;
  /** A unique value belongs to another entity. */
  UNIQUE_VIOLATION: UniqueViolationError;
  /** The stored version is not the expected one. */
  VERSION_CONFLICT: VersionConflictError;
  /** A lock is held by another meanwhile. */
  LOCK_LOST: LockLostError;
  /** Other entities refer to one that was to be deleted. */
  RELATION: RelationError;
  /** A stored document does not fit the schema. */
  CORRUPT_ENTITY: CorruptEntityError;
  /** The index cannot be used yet. */
  INDEX_NOT_READY: IndexNotReadyError;
  /** The type is recorded for another engine. */
  ENGINE_MISMATCH: EngineMismatchError;
  /** More rows match than may be returned at once. */
  RESULT_TOO_LARGE: ResultTooLargeError;
  /** A cursor that does not belong to the query. */
  INVALID_CURSOR: InvalidCursorError;
  /** Keys of several hash slots in one atomic call. */
  CROSS_SLOT: CrossSlotError;
  /** A write whose outcome nobody knows. */
  OUTCOME_UNKNOWN: OutcomeUnknownError;
  /** The deadline passed. */
  DEADLINE: DeadlineError;
  /** The server cannot be reached or refuses us. */
  CONNECTION: ConnectionError;
  /** The server lacks something that was demanded. */
  CAPABILITY: CapabilityError;
}

/**
 * Tells whether a value is an error of this library, optionally of one code.
 *
 * @param error - anything that was thrown.
 * @param code - the code asked for; any code when left out.
 * @returns true when it is, and narrows the type.
 *
 * @example
 * ```ts
 * import { isRemoraError } from "remora";
 *
 * isRemoraError(new TypeError("x")); // false
 * ```
 */
export function isRemoraError<C extends ErrorCode = ErrorCode>(error: unknown, code?: C): error is ErrorByCode[C] {
  if (typeof error !== "object" || error === null || !(brand in error)) return false;
  return code === undefined || (error as RemoraError).code === code;
}

/** Input refused by the schema, by the id rules or by an option's range; nothing was written. */
export class ValidationError extends RemoraError {
  /** Every problem found, with its path. */
  readonly issues: readonly ValidationIssue[];

  /**
   * @param message - what was refused and why.
   * @param details - where, with the list of issues.
   */
  constructor(
    message: string,
    details: ErrorDetails & { readonly issues?: readonly ValidationIssue[] | undefined } = {},
  ) {
    super("VALIDATION", message, details);
    this.issues = details.issues ?? [];
  }
}

/** A definition that cannot work, found when it is made; lists every problem at once. */
export class DefinitionError extends RemoraError {
  /**
   * @param message - what is wrong with the definition, and the cure.
   * @param details - entity and field, where known.
   */
  constructor(message: string, details: ErrorDetails = {}) {
    super("DEFINITION", message, details);
  }
}

/** A query or an operand that makes no sense, such as NaN as a bound; nothing was sent. */
export class QueryError extends RemoraError {
  /**
   * @param message - what makes no sense, and the cure.
   * @param details - entity and field, where known.
   */
  constructor(message: string, details: ErrorDetails = {}) {
    super("QUERY", message, details);
  }
}

/** A query that the engine in use cannot answer exactly; names the operator, the engine and the cure. */
export class UnsupportedQueryError extends RemoraError {
  /**
   * @param message - operator, engine and cure.
   * @param details - entity and field, where known.
   */
  constructor(message: string, details: ErrorDetails = {}) {
    super("UNSUPPORTED_QUERY", message, details);
  }
}

/** The server does not offer the storage that the entity asks for, such as RedisJSON. */
export class UnsupportedStorageError extends RemoraError {
  /**
   * @param message - storage, server and cure.
   * @param details - the entity.
   */
  constructor(message: string, details: ErrorDetails = {}) {
    super("UNSUPPORTED_STORAGE", message, details);
  }
}

/** Nothing is stored under the id, where something was required. */
export class EntityNotFoundError extends RemoraError {
  /**
   * @param message - entity and id.
   * @param details - entity and id.
   */
  constructor(message: string, details: ErrorDetails = {}) {
    super("ENTITY_NOT_FOUND", message, details);
  }
}

/** An insert met an entity with the same id; nothing was written. */
export class EntityExistsError extends RemoraError {
  /**
   * @param message - entity and id.
   * @param details - entity and id.
   */
  constructor(message: string, details: ErrorDetails = {}) {
    super("ENTITY_EXISTS", message, details);
  }
}

/** A unique value belongs to another live entity; nothing was written. */
export class UniqueViolationError extends RemoraError {
  /** Name of the unique constraint. */
  readonly unique: string | undefined;
  /** Id of the entity that holds the value. */
  readonly holderId: string | undefined;

  /**
   * @param message - constraint, fields and holder.
   * @param details - entity, id, constraint and holder.
   */
  constructor(
    message: string,
    details: ErrorDetails & {
      readonly unique?: string | undefined;
      readonly holderId?: string | undefined;
    } = {},
  ) {
    super("UNIQUE_VIOLATION", message, details);
    this.unique = details.unique;
    this.holderId = details.holderId;
  }
}

/** The stored version is not the one the caller started from; nothing was written. */
export class VersionConflictError extends RemoraError {
  /** The version the caller started from; null when it expected no entity. */
  readonly expected: number | null;
  /** The version found; null when nothing is stored. */
  readonly actual: number | null;

  /**
   * @param message - both versions and what to do.
   * @param details - entity, id and both versions.
   */
  constructor(
    message: string,
    details: ErrorDetails & { readonly expected: number | null; readonly actual: number | null },
  ) {
    super("VERSION_CONFLICT", message, details);
    this.expected = details.expected;
    this.actual = details.actual;
  }
}

/** A lock is not held any more: its lease ran out, or somebody who held it later wrote already. */
export class LockLostError extends RemoraError {
  /** The number that fenced the lost lock; undefined where it had none. */
  readonly fence: number | undefined;
  /** The number of a later holder, where one was met. */
  readonly newerFence: number | undefined;

  /**
   * @param message - how it was lost, and what to do.
   * @param details - the lock or the entity, and both numbers.
   */
  constructor(
    message: string,
    details: ErrorDetails & {
      readonly fence?: number | undefined;
      readonly newerFence?: number | undefined;
    } = {},
  ) {
    super("LOCK_LOST", message, details);
    this.fence = details.fence;
    this.newerFence = details.newerFence;
  }
}

/** An entity was not deleted, because others refer to it by a relation that says `restrict`; nothing was changed. */
export class RelationError extends RemoraError {
  /** The relation that forbids it, such as `movie.reviews`. */
  readonly relation: string | undefined;
  /** The type of an entity that refers to it. */
  readonly referrer: string | undefined;
  /** The id of that entity. */
  readonly referrerId: string | undefined;

  /**
   * @param message - what was to be deleted, who refers to it, and what to do.
   * @param details - entity and id, the relation, and one of those that refer to it.
   */
  constructor(
    message: string,
    details: ErrorDetails & {
      readonly relation?: string | undefined;
      readonly referrer?: string | undefined;
      readonly referrerId?: string | undefined;
    } = {},
  ) {
    super("RELATION", message, details);
    this.relation = details.relation;
    this.referrer = details.referrer;
    this.referrerId = details.referrerId;
  }
}

/** A stored document that does not fit the schema any more. */
export class CorruptEntityError extends RemoraError {
  /** Every problem found, with its path. */
  readonly issues: readonly ValidationIssue[];
  /** What else a bulk read found: the good entities in their places, null in those of the bad ones. */
  readonly rows: readonly unknown[];

  /**
   * @param message - which document, and what is wrong with it.
   * @param details - entity, id, the list of issues, and the good rows of a bulk read.
   */
  constructor(
    message: string,
    details: ErrorDetails & {
      readonly issues?: readonly ValidationIssue[] | undefined;
      readonly rows?: readonly unknown[] | undefined;
    } = {},
  ) {
    super("CORRUPT_ENTITY", message, details);
    this.issues = details.issues ?? [];
    this.rows = details.rows ?? [];
  }
}

/** The indexes of the type are missing, being built, or laid out for another definition. */
export class IndexNotReadyError extends RemoraError {
  /**
   * @param message - which index, its state and the cure.
   * @param details - the entity.
   */
  constructor(message: string, details: ErrorDetails = {}) {
    super("INDEX_NOT_READY", message, details);
  }
}

/** The type's data is recorded for another engine than the one asked for. */
export class EngineMismatchError extends RemoraError {
  /**
   * @param message - both engines and the cure.
   * @param details - the entity.
   */
  constructor(message: string, details: ErrorDetails = {}) {
    super("ENGINE_MISMATCH", message, details);
  }
}

/** More rows match than `all()` may return; nothing is cut silently. */
export class ResultTooLargeError extends RemoraError {
  /**
   * @param message - the ceiling and the cure.
   * @param details - the entity.
   */
  constructor(message: string, details: ErrorDetails = {}) {
    super("RESULT_TOO_LARGE", message, details);
  }
}

/** A cursor that is damaged or belongs to another query. */
export class InvalidCursorError extends RemoraError {
  /**
   * @param message - what is wrong with the cursor.
   * @param details - the entity.
   */
  constructor(message: string, details: ErrorDetails = {}) {
    super("INVALID_CURSOR", message, details);
  }
}

/** Keys of several hash slots in one atomic operation; nothing was sent. */
export class CrossSlotError extends RemoraError {
  /**
   * @param message - the keys' types and the cure.
   * @param details - the entity.
   */
  constructor(message: string, details: ErrorDetails = {}) {
    super("CROSS_SLOT", message, details);
  }
}

/** A write that may or may not have been applied: the connection broke or the deadline passed after it was sent. */
export class OutcomeUnknownError extends RemoraError {
  /**
   * @param message - the operation and how to find out.
   * @param details - entity, id and cause.
   */
  constructor(message: string, details: ErrorDetails = {}) {
    super("OUTCOME_UNKNOWN", message, details);
  }
}

/** The deadline passed or the signal fired before anything was changed. */
export class DeadlineError extends RemoraError {
  /**
   * @param message - the operation and its deadline in milliseconds.
   * @param details - entity, id and cause.
   */
  constructor(message: string, details: ErrorDetails = {}) {
    super("DEADLINE", message, details);
  }
}

/** The server cannot be reached, refuses the login, or the client is closed. */
export class ConnectionError extends RemoraError {
  /**
   * @param message - what failed; never holds a password.
   * @param details - the cause.
   */
  constructor(message: string, details: ErrorDetails = {}) {
    super("CONNECTION", message, details);
  }
}

/** The server is too old, lacks a module, or forbids a command that was demanded. */
export class CapabilityError extends RemoraError {
  /**
   * @param message - what is missing and the cure.
   * @param details - the entity, where one asked for it.
   */
  constructor(message: string, details: ErrorDetails = {}) {
    super("CAPABILITY", message, details);
  }
}
