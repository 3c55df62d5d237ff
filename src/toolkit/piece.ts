// What all pieces of the toolkit stand on: names and keys, one way to send, times to live, and values checked by a schema.
// Keys are `namespace:kind:name…`, which no key of an entity type begins with.
import { ItemCodec } from "../codec/item.ts";
import { DefinitionError, ValidationError } from "../errors.ts";
import type { CallOptions } from "../query/query.ts";
import { attach, type Attachable, type Attachment } from "../redis/attachment.ts";
import { type Reply, ReplyFailure, type Request } from "../redis/command.ts";
import type { RunOptions } from "../redis/executor.ts";
import { toRemoraError } from "../redis/failures.ts";
import { callOptions } from "../repository/load.ts";
import { observe } from "../repository/observe.ts";
import { type Ttl, wishedTime } from "../repository/ttl.ts";
import { compileItem, isMember, notMember } from "../schema/item.ts";
import { encodeId } from "../schema/key.ts";
import type { Shape } from "../schema/shape.ts";
import type { AnySchema } from "../schema/zod.ts";

const namePattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** One call of a piece: what it is called in errors and diagnostics, whether it writes, and about what. */
export interface PieceCall extends CallOptions {
  readonly operation: string;
  readonly write: boolean;
  /** The key, member or id it is about. */
  readonly id?: string | undefined;
}

/** A named piece of the toolkit in one database. */
export class Piece {
  /** What it is called in errors and diagnostics, such as `cache movies`. */
  readonly title: string;
  /** What all of its keys begin with, up to and including the last colon. */
  readonly prefix: string;
  readonly attachment: Attachment;
  readonly #front: string;
  readonly #name: string;

  /**
   * @param db - the database.
   * @param kind - the kind of piece: the first part of its keys.
   * @param name - the user's name for it; left out by what is about every key of the namespace.
   * @throws DefinitionError when the name is not 1 to 128 letters, digits, `_`, `-` and `.`, beginning with none of the last two.
   */
  constructor(db: Attachable, kind: string, name?: string) {
    this.attachment = db[attach]();
    const { namespace } = this.attachment;
    const front = namespace === "" ? "" : `${namespace}:`;
    this.#front = `${front}${kind}:`;
    this.#name = name ?? "";
    if (name === undefined) {
      this.title = kind;
      this.prefix = front;
      return;
    }
    if (typeof name !== "string" || !namePattern.test(name)) {
      const shown = typeof name === "string" ? JSON.stringify(name.slice(0, 64)) : typeof name;
      throw new DefinitionError(
        `${kind} ${shown}: a name is 1 to 128 letters, digits, _, - and ., and begins with none of the last two`,
        { entity: kind },
      );
    }
    this.title = `${kind} ${name}`;
    this.prefix = `${this.#front}${name}:`;
  }

  /**
   * The key of one part, in a slot of its own.
   *
   * @param part - the user's name for the part: 1 to 512 bytes of text.
   * @returns the key.
   * @throws ValidationError when the part's name is empty, blank, too long, or holds NUL or half of a surrogate pair.
   */
  key(part: string): string {
    return this.prefix + encodeId(part, this.title);
  }

  /**
   * The beginning of keys that share a slot: those of the piece, or those of one part of it.
   *
   * @param part - the user's name for the part; the whole piece when left out.
   * @returns the beginning, to which `:` and a word are added.
   * @throws ValidationError as {@link Piece.key} does.
   */
  tagged(part?: string): string {
    const rest = part === undefined ? "" : `:${encodeId(part, this.title)}`;
    return `${this.#front}{${this.#name}${rest}}`;
  }

  /**
   * Sends one request.
   *
   * @param call - what it is for.
   * @param request - makes it; what that throws is the call's error, and nothing is sent.
   * @returns the reply.
   */
  one(call: PieceCall, request: () => Request): Promise<Reply> {
    return observe({ name: this.title }, call.operation, undefined, (note) => {
      const asked = request();
      note([asked], 1);
      return this.attachment.executor.one(asked, this.#run(call));
    });
  }

  /**
   * Sends several requests in one write.
   *
   * @param call - what they are for.
   * @param requests - makes them; what that throws is the call's error, and nothing is sent.
   * @returns the replies, in order.
   * @throws RemoraError the first failure among them; the others were carried out.
   */
  many(call: PieceCall, requests: () => readonly Request[]): Promise<Reply[]> {
    return observe({ name: this.title }, call.operation, undefined, async (note) => {
      const asked = requests();
      note(asked, asked.length);
      const run = this.#run(call);
      const replies = await this.attachment.executor.many(asked, run);
      const failure = replies.find((reply) => reply instanceof ReplyFailure);
      if (failure !== undefined) throw toRemoraError(failure.error, run);
      return replies;
    });
  }

  /**
   * Reads a time to live.
   *
   * @param ttl - seconds, milliseconds, until a date, or for ever (null).
   * @returns `PX` or `PXAT` and milliseconds as text; nothing for ever.
   * @throws ValidationError when it is not a time to come.
   */
  ttlWords(ttl: Ttl): readonly string[] {
    if (ttl === null) return [];
    const [kind, milliseconds] = wishedTime({ name: this.title }, ttl);
    return [kind === "at" ? "PXAT" : "PX", milliseconds];
  }

  /**
   * Reads a time to live for the command that sets it.
   *
   * @param ttl - seconds, milliseconds, or until a date.
   * @returns `PEXPIRE` or `PEXPIREAT`, and milliseconds as text.
   * @throws ValidationError when it is not a time to come.
   */
  lifetime(ttl: Exclude<Ttl, null>): { readonly command: "PEXPIRE" | "PEXPIREAT"; readonly milliseconds: string } {
    const [kind, milliseconds] = wishedTime({ name: this.title }, ttl);
    return { command: kind === "at" ? "PEXPIREAT" : "PEXPIRE", milliseconds };
  }

  /**
   * Refuses an argument.
   *
   * @param message - what is wrong, and what to do.
   * @param id - the key, member or id it is about.
   * @returns the error.
   */
  invalid(message: string, id?: string): ValidationError {
    return new ValidationError(`${this.title}: ${message}`, { entity: this.title, id });
  }

  /**
   * Makes a codec for the values that a schema allows.
   *
   * @param schema - a zod schema of what can be stored.
   * @param subject - what to call one in errors.
   * @param use - `item` where null stands for none, `member` where each value has one text, `field` where it may be absent.
   * @returns writes and reads values as text.
   * @throws DefinitionError listing what cannot be stored.
   */
  codec(schema: AnySchema, subject = "the value", use: "value" | "item" | "member" | "field" = "value"): ValueCodec {
    const problems: string[] = [];
    const item = compileItem(schema, this.title, subject, "value", (message) => problems.push(message));
    if (item !== undefined) problems.push(...misfits(item.shape, use));
    if (item === undefined || problems.length > 0) {
      throw new DefinitionError(`${this.title}: ${subject} cannot be stored: ${problems.join("; ")}`, {
        entity: this.title,
      });
    }
    const codec = new ItemCodec(item);
    const { shape } = item;
    return {
      counts: shape.kind === "number" && !shape.nullable && shape.stored === undefined,
      optional: shape.optional,
      write: (value, id) => codec.write(value, this.title, id),
      read: (text, id) => codec.read(text, this.title, id),
    };
  }

  #run({ operation, write, id, ...options }: PieceCall): RunOptions {
    return { operation, write, entity: this.title, id, ...callOptions(options) };
  }
}

/** Writes and reads values as text; both validate. */
export interface ValueCodec {
  /** Whether the values are plain numbers, which a server can add to. */
  readonly counts: boolean;
  /** Whether undefined is one of the values; it has no text. */
  readonly optional: boolean;
  /**
   * @param value - what the caller gave.
   * @param id - the key it stands under, for errors.
   * @returns its text.
   * @throws ValidationError when it does not fit its schema, or cannot be stored exactly.
   */
  readonly write: (value: unknown, id: string) => string;
  /**
   * @param text - what is stored.
   * @param id - the key it stands under, for errors.
   * @returns the value.
   * @throws CorruptEntityError when it does not fit its schema.
   */
  readonly read: (text: string, id: string) => unknown;
}

function misfits(shape: Shape, use: "value" | "item" | "member" | "field"): string[] {
  if (use === "field") return [];
  if (use === "value") return shape.optional ? ["a value may be null, but not undefined"] : [];
  if (shape.optional || shape.nullable) return ["it may not be absent"];
  return use === "member" && !isMember(shape) ? [notMember(shape)] : [];
}
