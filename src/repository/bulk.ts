// Bulk work: inputs of any number in chunks of a few calls in flight, with one outcome each, in the order given.
// A source is asked only when there is room; a bad input never holds up the good ones.
import { DeadlineError, isRemoraError, type RemoraError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import type { RunOptions } from "../redis/executor.ts";
import type { TypeContext } from "./context.ts";
import { inFlight } from "./flight.ts";

/** Inputs of a bulk call: in an array, or as they come; read once, and only as there is room to send. */
export type BulkSource<T> = Iterable<T> | AsyncIterable<T>;

/** How far a bulk call is. */
export interface BulkProgress {
  /** Inputs that have an outcome. */
  readonly done: number;
  /** How many of these failed. */
  readonly failed: number;
}

/** What every bulk call accepts. */
export interface BulkCallOptions extends CallOptions {
  /** Entities per script call, up to 1,000; fewer when they are large. */
  readonly chunkSize?: number;
  /** Script calls in flight; 8 when left out. */
  readonly concurrency?: number;
  /** All inputs in one script call, up to 1,000 of them: all of them count, or none, and then the call throws. */
  readonly atomic?: boolean;
  /** Told after each chunk how far the call is. */
  readonly onProgress?: (progress: BulkProgress) => void;
}

/** Being told of outcomes instead of getting all of them at the end, so that memory stays flat however many there are. */
export interface OutcomeListener<O> {
  /** Told of each outcome in the order of the inputs, with the input's position from 0. */
  readonly onOutcome: (outcome: O, index: number) => void;
}

/** What became of a bulk call whose outcomes were told as they came. */
export interface BulkSummary extends BulkProgress {
  /** The signal fired before the source had ended: the rest was neither read nor sent. */
  readonly stopped: boolean;
}

/** An input of a bulk call that failed. */
export interface BulkFailure {
  /** Its position among the inputs, from 0. */
  readonly index: number;
  /** Why. */
  readonly error: RemoraError;
}

/** An outcome that says why an input failed. */
export interface FailedOutcome {
  /** Nothing was done for the input, unless the error is an OutcomeUnknownError. */
  readonly ok: false;
  /** Why. */
  readonly error: RemoraError;
}

/** Outcomes of a bulk call. */
export interface BulkOutcomes<O> {
  /** One per input, in the order given. */
  readonly outcomes: readonly (O | FailedOutcome)[];
  /** Those that failed, with their positions. */
  readonly failed: readonly BulkFailure[];
  /** The signal fired before the source had ended: the rest was neither read nor sent. */
  readonly stopped: boolean;
}

type Outcome = { readonly ok: true } | FailedOutcome;

/** An input, ready to be sent. */
export interface Ready<U> {
  readonly unit: U;
  readonly encodedId: string;
  /** About how large it is on the wire. */
  readonly bytes: number;
}

/** What is done for the inputs of a bulk call. */
export interface BulkWork<I, U, O extends Outcome> {
  readonly operation: string;
  /** Checks and encodes an input; throws a RemoraError to refuse it. A promise where a hook is asked. */
  readonly prepare: (input: I) => Ready<U> | Promise<Ready<U>>;
  /** Sends some with distinct ids, and tells what became of each. */
  readonly send: (units: readonly U[]) => Promise<readonly O[]>;
  /** The outcome of an input that failed. */
  readonly failed: (error: RemoraError, input: I) => O;
  /** Whether an outcome ends the call: nothing more is asked for. */
  readonly ends?: (outcome: O) => boolean;
}

/** What became of bulk work. */
export interface BulkRun<O> extends BulkSummary {
  /** Empty when they were told as they came. */
  readonly outcomes: readonly O[];
}

/** Entities per call, and bytes: what a server works off in about a millisecond. */
const indexedChunk = { entities: 50, bytes: 64 * 1024 };
/** A plain document costs the server a tenth of an indexed one. */
const plainChunk = { entities: 250, bytes: 256 * 1024 };
const maxChunk = 1000;
/** Enough that the server never waits for the next call, few enough that others get their turn. */
const defaultConcurrency = 8;

interface Chunk<I, U> {
  readonly units: U[];
  readonly inputs: I[];
  readonly positions: number[];
  readonly ids: Set<string>;
  bytes: number;
}

/**
 * Works through the inputs of a bulk call.
 *
 * @param context - the entity type.
 * @param source - the inputs.
 * @param work - what to do for them.
 * @param options - chunking, progress and signal.
 * @param onOutcome - told of outcomes in order; they are kept when it is left out.
 * @returns the outcomes, or how many there were.
 * @throws what the source threw, after what was sent has settled.
 */
export async function runBulk<I, U, O extends Outcome>(
  context: TypeContext,
  source: BulkSource<I>,
  work: BulkWork<I, U, O>,
  options: BulkCallOptions,
  onOutcome: ((outcome: O, index: number) => void) | undefined,
): Promise<BulkRun<O>> {
  const bulk = new Bulk(context, source, work, options, onOutcome);
  const { signal } = options;
  const stop = (): void => bulk.stop();
  if (signal?.aborted === true) stop();
  signal?.addEventListener("abort", stop);
  try {
    await inFlight(bulk.chunks(), options.concurrency ?? defaultConcurrency, (chunk) => bulk.send(chunk));
  } finally {
    signal?.removeEventListener("abort", stop);
  }
  bulk.progress();
  return bulk.result();
}

class Bulk<I, U, O extends Outcome> {
  readonly #source: BulkSource<I>;
  readonly #work: BulkWork<I, U, O>;
  readonly #options: BulkCallOptions;
  readonly #name: string;
  readonly #limits: { readonly entities: number; readonly bytes: number };
  readonly #told: Told<O>;
  /** Ids of entities in flight: what concerns one of them has to wait. */
  readonly #busy = new Map<string, Promise<void>>();
  #reported = -1;
  #stopping = false;
  #stopped = false;
  #wake: (() => void) | undefined;

  constructor(
    { layout, metadata, partitions }: TypeContext,
    source: BulkSource<I>,
    work: BulkWork<I, U, O>,
    options: BulkCallOptions,
    onOutcome: ((outcome: O, index: number) => void) | undefined,
  ) {
    this.#source = source;
    this.#work = work;
    this.#options = options;
    this.#name = metadata.name;
    const limits = layout.slots.length + layout.uniques.length + layout.boards.length === 0 ? plainChunk : indexedChunk;
    // A chunk is one call per partition.
    const { length } = partitions;
    const entities = Math.max(1, Math.min(options.chunkSize ?? limits.entities * length, maxChunk));
    this.#limits = { entities, bytes: limits.bytes * length };
    this.#told = new Told(onOutcome);
  }

  stop(): void {
    this.#stopping = true;
    this.#wake?.();
  }

  progress(): void {
    const { done, failed } = this.#told;
    if (done === this.#reported) return;
    this.#reported = done;
    this.#options.onProgress?.({ done, failed });
  }

  result(): BulkRun<O> {
    const { done, failed, outcomes } = this.#told;
    return { outcomes, done, failed, stopped: this.#stopped };
  }

  // Chunks are made only when there is room for them: encoding goes on while the server works.
  async *chunks(): AsyncGenerator<Chunk<I, U>, void, undefined> {
    const source = reader(this.#source);
    let chunk = emptyChunk<I, U>();
    let position = -1;
    try {
      while (!this.#stopping) {
        // So it is, should it throw.
        source.ended = true;
        const step = source.next();
        // eslint-disable-next-line no-await-in-loop -- one input after the other
        const input = step instanceof Promise ? await this.#unlessStopped(step) : step;
        if (input?.done === true) break;
        source.ended = false;
        if (input === undefined) break;
        position += 1;
        const prepared = this.#prepare(input.value, position);
        // eslint-disable-next-line no-await-in-loop -- hooks run one after another
        const ready = prepared instanceof Promise ? await prepared : prepared;
        if (this.#isFull(chunk, ready, position)) {
          yield chunk;
          chunk = emptyChunk();
        }
        if (ready !== undefined) addTo(chunk, ready, input.value, position);
      }
      this.#stopped = !source.ended;
      // What an outcome ended is sent as far as it was read, so that everything before that outcome is settled.
      const ended = source.ended || this.#options.signal?.aborted !== true;
      if (!ended) this.#leave(chunk, position);
      else if (chunk.units.length > 0) yield chunk;
    } finally {
      await source.close();
    }
  }

  #isFull(chunk: Chunk<I, U>, ready: Ready<U> | undefined, position: number): boolean {
    if (chunk.units.length === 0) return false;
    const { entities, bytes } = this.#limits;
    // Outcomes are told in order: what waits must not hold up those of too many bad inputs behind it.
    if (ready === undefined) return position - (chunk.positions[0] as number) > 4 * entities;
    // One id once per call: a later change of the same entity then sees the earlier one.
    return chunk.units.length >= entities || chunk.bytes + ready.bytes > bytes || chunk.ids.has(ready.encodedId);
  }

  #prepare(input: I, position: number): Ready<U> | undefined | Promise<Ready<U> | undefined> {
    const refuse = (error: unknown): undefined => {
      if (!isRemoraError(error)) throw error;
      this.#tell(position, this.#work.failed(error, input));
    };
    try {
      const ready = this.#work.prepare(input);
      return ready instanceof Promise ? ready.catch(refuse) : ready;
    } catch (error) {
      return refuse(error);
    }
  }

  #tell(position: number, outcome: O): void {
    this.#told.tell(position, outcome);
    if (this.#work.ends?.(outcome) === true) this.stop();
  }

  // What was read and not sent has an outcome; of an array, everything that was given.
  #leave({ inputs, positions }: Chunk<I, U>, last: number): void {
    if (this.#work.ends !== undefined) return;
    const { operation, failed } = this.#work;
    const leave = (position: number, input: I): void => {
      const message = `${this.#name}.${operation}: the signal fired before this was sent; nothing was changed`;
      this.#told.tell(position, failed(new DeadlineError(message, { entity: this.#name }), input));
    };
    for (const [at, position] of positions.entries()) leave(position, inputs[at] as I);
    if (!Array.isArray(this.#source)) return;
    for (let at = last + 1; at < this.#source.length; at += 1) leave(at, this.#source[at] as I);
  }

  // A source that gives nothing must not keep a call from stopping.
  #unlessStopped<T>(step: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve(undefined);
      step.then(resolve, reject);
      // The source itself may have made the signal fire.
      if (this.#stopping) this.#wake();
    });
  }

  async send({ units, inputs, positions, ids }: Chunk<I, U>): Promise<void> {
    const before = new Set<Promise<void>>();
    for (const id of ids) {
      const busy = this.#busy.get(id);
      if (busy !== undefined) before.add(busy);
    }
    const work = this.#after(before, units);
    const settled = work.then(nothing, nothing);
    for (const id of ids) this.#busy.set(id, settled);
    let outcomes: readonly O[];
    try {
      outcomes = await work;
    } catch (error) {
      // What befell the call befell each of its entities; the other calls have outcomes of their own.
      if (!isRemoraError(error)) throw error;
      outcomes = inputs.map((input) => this.#work.failed(error, input));
    } finally {
      for (const id of ids) if (this.#busy.get(id) === settled) this.#busy.delete(id);
    }
    for (const [at, position] of positions.entries()) this.#tell(position, outcomes[at] as O);
    this.progress();
  }

  async #after(before: ReadonlySet<Promise<void>>, units: readonly U[]): Promise<readonly O[]> {
    if (before.size > 0) await Promise.all(before);
    return this.#work.send(units);
  }
}

const nothing = (): void => undefined;

function emptyChunk<I, U>(): Chunk<I, U> {
  return { units: [], inputs: [], positions: [], ids: new Set(), bytes: 0 };
}

function addTo<I, U>(chunk: Chunk<I, U>, { unit, encodedId, bytes }: Ready<U>, input: I, position: number): void {
  chunk.units.push(unit);
  chunk.inputs.push(input);
  chunk.positions.push(position);
  chunk.ids.add(encodedId);
  chunk.bytes += bytes;
}

/** Outcomes: kept in their places, or told in order and forgotten. */
class Told<O extends Outcome> {
  readonly outcomes: O[] = [];
  done = 0;
  failed = 0;
  readonly #waiting = new Map<number, O>();
  readonly #listener: ((outcome: O, index: number) => void) | undefined;
  #next = 0;

  constructor(listener: ((outcome: O, index: number) => void) | undefined) {
    this.#listener = listener;
  }

  tell(position: number, outcome: O): void {
    this.done += 1;
    if (!outcome.ok) this.failed += 1;
    if (this.#listener === undefined) {
      this.outcomes[position] = outcome;
      return;
    }
    this.#waiting.set(position, outcome);
    for (;;) {
      const next = this.#waiting.get(this.#next);
      if (next === undefined) return;
      this.#waiting.delete(this.#next);
      this.#next += 1;
      this.#listener(next, this.#next - 1);
    }
  }
}

/** Reads a source of either kind. */
interface SourceReader<I> {
  /** The source gave all it has, or failed. */
  ended: boolean;
  readonly next: () => IteratorResult<I, unknown> | Promise<IteratorResult<I, unknown>>;
  /** Lets go of a source that was not read to its end. */
  readonly close: () => Promise<void>;
}

function reader<I>(source: BulkSource<I>): SourceReader<I> {
  if (!(Symbol.asyncIterator in source)) {
    const iterator = source[Symbol.iterator]();
    return closing(
      () => iterator.next(),
      () => void iterator.return?.(),
    );
  }
  const iterator = source[Symbol.asyncIterator]();
  let pending = false;
  const next = async (): Promise<IteratorResult<I, unknown>> => {
    pending = true;
    const step = await iterator.next();
    pending = false;
    return step;
  };
  return closing(next, async () => {
    const closed = iterator.return?.();
    // Whoever is still waiting for its next input is closed when that has come.
    if (pending) closed?.catch(nothing);
    else await closed;
  });
}

function closing<I>(next: SourceReader<I>["next"], close: () => Promise<void> | void): SourceReader<I> {
  const source: SourceReader<I> = {
    ended: false,
    next,
    async close() {
      if (!source.ended) await close();
    },
  };
  return source;
}

/**
 * What one call of a bulk call is, for errors and deadlines. The signal is not in it: what was sent is waited for.
 *
 * @param context - the entity type.
 * @param operation - what is being done.
 * @param options - the deadline of each call.
 * @returns the attempt.
 */
export function chunkAttempt({ metadata }: TypeContext, operation: string, { deadline }: CallOptions): RunOptions {
  return { operation, write: true, entity: metadata.name, deadline };
}

/**
 * The failures among outcomes.
 *
 * @param outcomes - the outcomes, in order.
 * @returns their positions and errors.
 */
export function failuresOf(outcomes: readonly Outcome[]): BulkFailure[] {
  return outcomes.flatMap((outcome, index) => (outcome.ok ? [] : [{ index, error: outcome.error }]));
}
