// Importing NDJSON: lines of any number, in constant memory, stored exactly as they are.
// A bad line is told of by its number and does not hold up the others; what was broken off goes on at its mark.
import { LineCodec } from "../codec/line.ts";
import { type ErrorCode, type RemoraError, ValidationError, type ValidationIssue } from "../errors.ts";
import type { EntityMetadata } from "../schema/metadata.ts";
import { type BulkCallOptions, type BulkProgress, type FailedOutcome, type Ready, runBulk } from "./bulk.ts";
import type { TypeContext } from "./context.ts";
import { type Line, linesOf, type LineSource } from "./lines.ts";
import { hooked } from "./hooks.ts";
import { completeId, withIdentity } from "./identify.ts";
import type { Note } from "./observe.ts";
import { completed, invalid, prepareRestored, type RestoreMode } from "./save.ts";
import { type PreparedItem, readyItem, sendPrepared, tellSaved } from "./save-many.ts";
import type { Ttl } from "./ttl.ts";

/** A line whose entity was stored. */
export interface ImportedLine {
  /** The entity was stored. */
  readonly ok: true;
  /** The line's number, from 1. */
  readonly line: number;
  /** The entity's id. */
  readonly id: string;
}

/** A line whose entity was not stored. */
export interface FailedLine extends FailedOutcome {
  /** The line's number, from 1. */
  readonly line: number;
}

/** What became of one line. */
export type ImportOutcome = ImportedLine | FailedLine;

/** How far an import is. */
export interface ImportProgress extends BulkProgress {
  /** What to pass as `resume` to go on from here: the last line up to which all is settled. */
  readonly resume: number;
}

/** What `import` accepts. */
export interface ImportOptions extends Pick<BulkCallOptions, "chunkSize" | "concurrency" | "deadline" | "signal"> {
  /** `insert` (default) lets an entity that is there already fail, `replace` stores over it whatever its version. */
  readonly mode?: RestoreMode;
  /** Passes over so many lines: what a former import told as `resume`. */
  readonly resume?: number;
  /** What an iterable gives: `chunk` (default), text cut anywhere; or `line`, a line each time, with or without its end. */
  readonly each?: "chunk" | "line";
  /** Ends the import at the first line that fails, and `resume` stands before it. */
  readonly stopAtFailure?: boolean;
  /** How long the entities live from now on; the definition's default when left out. */
  readonly ttl?: Ttl;
  /** Told after each chunk how far the import is, and before it throws. */
  readonly onProgress?: (progress: ImportProgress) => void;
  /** Told of what became of each line, in order; blank lines have no outcome. */
  readonly onOutcome?: (outcome: ImportOutcome) => void;
}

/** What became of an import. */
export interface ImportResult {
  /** How many entities were stored. */
  readonly imported: number;
  /** How many lines failed. */
  readonly failed: number;
  /** The first hundred of them. */
  readonly failures: readonly FailedLine[];
  /** What to pass as `resume` to go on: the last line up to which all is settled. */
  readonly resume: number;
  /** The signal fired, or a line failed with `stopAtFailure`, before the source had ended. */
  readonly stopped: boolean;
}

const maxFailures = 100;

/** Errors that are about one entity; others are about the connection, or about all of the type. */
const ofOneEntity: ReadonlySet<ErrorCode> = new Set([
  "VALIDATION",
  "ENTITY_EXISTS",
  "UNIQUE_VIOLATION",
  "VERSION_CONFLICT",
  "CORRUPT_ENTITY",
]);

interface LineUnit extends PreparedItem {
  readonly line: number;
}

/**
 * Imports lines.
 *
 * @param context - the entity type.
 * @param source - the text.
 * @param options - mode, resume and the like.
 * @param note - told of what is sent.
 * @returns what became of them.
 * @throws RemoraError when the server cannot be reached, or refuses the type; `onProgress` was told where to go on.
 */
export async function importLines(
  context: TypeContext,
  source: LineSource,
  options: ImportOptions,
  note: Note,
): Promise<ImportResult> {
  const { metadata } = context;
  const codec = new LineCodec(metadata);
  const { hooks } = metadata;
  const { mode = "insert", stopAtFailure = false, onOutcome } = options;
  const tally = new Tally(checkedResume(metadata, options), stopAtFailure, options.onProgress);
  const operation = mode === "insert" ? "insert" : "save";
  const work = {
    operation: "import",
    prepare(line: Line): Ready<LineUnit> | Promise<Ready<LineUnit>> {
      const source = sourceOf(metadata, codec, line);
      const ready = (given: unknown): Ready<LineUnit> => {
        const entity = restored(context, given);
        const { unit, ...rest } = readyItem(prepareRestored(context, entity, mode, options.ttl));
        return { ...rest, unit: { ...unit, line: line.number } };
      };
      const given = hooks?.beforeSave === undefined ? source : hooked(metadata, source, operation);
      return withIdentity(metadata, given, ready);
    },
    async send(units: readonly LineUnit[]): Promise<ImportOutcome[]> {
      const errors = await sendPrepared(context, units, "import", options, note);
      if (hooks?.afterSave !== undefined) {
        const refused = new Set(errors);
        await tellSaved(
          metadata,
          units.map(({ prepared }) => prepared.entity),
          operation,
          errors,
        );
        for (const error of errors) if (error !== undefined && !refused.has(error)) tally.ofHooks.add(error);
      }
      return units.map(({ line, prepared }, at) => {
        const error = errors[at];
        if (error !== undefined) return { ok: false, line, error };
        return { ok: true, line, id: prepared.entity[metadata.idField] as string };
      });
    },
    failed: (error: RemoraError, { number }: Line): ImportOutcome => ({ ok: false, line: number, error }),
    ends: (outcome: ImportOutcome) => tally.isEnd(outcome),
  };
  const { ttl: _, mode: _mode, resume: _resume, onProgress: _told, onOutcome: _outcome, ...call } = options;
  try {
    const { stopped } = await runBulk(
      context,
      filled(linesOf(source, options.each ?? "chunk"), tally),
      work,
      { ...call, onProgress: () => tally.progress() },
      (outcome) => {
        tally.count(outcome);
        onOutcome?.(outcome);
      },
    );
    if (!stopped) tally.finish();
    if (tally.trouble !== undefined) throw tally.trouble;
    const { imported, failed, failures, resume } = tally;
    return { imported, failed, failures, resume, stopped };
  } finally {
    tally.progress();
  }
}

/** Counts what became of lines, and knows up to which line all is settled. */
class Tally {
  imported = 0;
  failed = 0;
  readonly failures: FailedLine[] = [];
  resume: number;
  /** The last line that was read. */
  last: number;
  /** What broke the import off. */
  trouble: RemoraError | undefined;
  /** What a hook threw of an entity that was stored: about that one, whatever its code. */
  readonly ofHooks = new WeakSet<RemoraError>();
  #over = false;
  #told = "";
  readonly #stopAtFailure: boolean;
  readonly #listener: ((progress: ImportProgress) => void) | undefined;

  constructor(resume: number, stopAtFailure: boolean, listener: ((progress: ImportProgress) => void) | undefined) {
    this.resume = resume;
    this.last = resume;
    this.#stopAtFailure = stopAtFailure;
    this.#listener = listener;
  }

  isEnd(outcome: ImportOutcome): boolean {
    return !outcome.ok && (this.#stopAtFailure || !this.#isOfOne(outcome.error));
  }

  #isOfOne(error: RemoraError): boolean {
    return ofOneEntity.has(error.code) || this.ofHooks.has(error);
  }

  count(outcome: ImportOutcome): void {
    if (this.isEnd(outcome)) {
      this.#over = true;
      if (!outcome.ok && !this.#isOfOne(outcome.error)) this.trouble ??= outcome.error;
    }
    if (!this.#over) this.resume = outcome.line;
    if (outcome.ok) {
      this.imported += 1;
      return;
    }
    this.failed += 1;
    if (this.failures.length < maxFailures) this.failures.push(outcome);
  }

  finish(): void {
    if (!this.#over) this.resume = this.last;
  }

  progress(): void {
    const { imported, failed, resume } = this;
    const state = `${imported} ${failed} ${resume}`;
    if (state === this.#told) return;
    this.#told = state;
    this.#listener?.({ done: imported + failed, failed, resume });
  }
}

function checkedResume({ name }: EntityMetadata, { resume = 0 }: ImportOptions): number {
  if (Number.isSafeInteger(resume) && resume >= 0) return resume;
  throw new ValidationError(`${name}: resume is the number of lines to pass over`, { entity: name });
}

// Only lines that hold something and were not dealt with before.
async function* filled(lines: AsyncIterable<Line>, tally: Tally): AsyncGenerator<Line, void, undefined> {
  const { resume } = tally;
  for await (const line of lines) {
    if (line.number <= resume) continue;
    tally.last = line.number;
    if (line.text === undefined || line.text.trim() !== "") yield line;
  }
}

function sourceOf(metadata: EntityMetadata, codec: LineCodec, { number, text }: Line): Record<string, unknown> {
  const { name } = metadata;
  const where = `${name}, line ${number}`;
  if (text === undefined) throw new ValidationError(`${where}: not UTF-8`, { entity: name });
  const issues: ValidationIssue[] = [];
  const source = codec.read(text, issues);
  if (source === undefined) throw new ValidationError(`${where}: not a JSON object`, { entity: name });
  if (issues.length > 0) throw invalid(metadata, source, issues);
  return source;
}

function restored({ metadata, now: timeOf }: TypeContext, given: unknown): Record<string, unknown> {
  const { idField, version, createdAt, updatedAt } = metadata;
  const source = { ...(given as Record<string, unknown>) };
  const id = source[idField];
  completeId(metadata, source);
  if (version !== undefined) source[version] ??= 1;
  const now = timeOf();
  for (const field of [createdAt, updatedAt]) if (field !== undefined) source[field] ??= now;
  return completed(metadata, source, id);
}
