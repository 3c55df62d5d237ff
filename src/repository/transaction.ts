// Transactions: what is read is remembered, what is written is collected, and all of it is decided in one script call.
// Whatever was read must be unchanged at that moment; otherwise the whole function runs again.
import type { PatchOf } from "../codec/patch/operators.ts";
import { applySteps } from "../codec/patch/apply.ts";
import { planPatch } from "../codec/patch/plan.ts";
import { type PartKind, type TransactionPart, transactionScript } from "../engines/write/transaction.ts";
import { wrongType } from "../engines/documents.ts";
import { stampError } from "../engines/stamp.ts";
import {
  CrossSlotError,
  DeadlineError,
  EntityExistsError,
  EntityNotFoundError,
  QueryError,
  type RemoraError,
  VersionConflictError,
} from "../errors.ts";
import { softDeleteOf } from "../query/deleted.ts";
import type { CallOptions } from "../query/query.ts";
import type { Script, ScriptCall } from "../redis/command.ts";
import { type ClassDefinition, definitionFor, type EntityClass } from "../schema/class.ts";
import type { EntityDefinition, EntityOf, InputOf } from "../schema/entity.ts";
import { decodeId, encodeId, hashTag, type Keyspace } from "../schema/key.ts";
import { isDeleted } from "../schema/soft-delete.ts";
import type { TypeContext } from "./context.ts";
import { beforeDelete, beforeSave, forEach } from "./hooks.ts";
import type { FindOptions } from "./load.ts";
import { commonHome } from "./partitions.ts";
import { identified, refusePending } from "./identify.ts";
import { observe } from "./observe.ts";
import type { SaveOptions } from "./options.ts";
import { defaultBackoff, defaultRetries, pauseBeforeRetry } from "./retry.ts";
import { askRights, forbidden, prepare, type Prepared, saveErrors, saveManyCall } from "./save.ts";
import { shown } from "./shown.ts";
import { deletedNow } from "./soft-delete.ts";
import { current, deletedBefore, type Held, heldOf, type Member, saved, tellHooks } from "./transaction-member.ts";

type Row = Record<string, unknown>;

/** What `transaction` accepts. */
export interface TransactionOptions extends CallOptions {
  /** How often to run the function again when others changed what it had read; 10 when left out. */
  readonly retries?: number;
  /** How long to wait before the first retry, in milliseconds, twice as long each time; 5 when left out. */
  readonly backoff?: number;
}

/** Bytes that one transaction of several entities may send: what a server takes without holding others up for long. */
const maxBytes = 64 * 1024 * 1024;

/** Makes and remembers the scripts of transactions. */
export interface TransactionHost {
  readonly keysOf: (definition: EntityDefinition) => Keyspace;
  /** The context of a type. */
  readonly contextOf: (definition: EntityDefinition) => Promise<TypeContext>;
  /** The script of some parts. */
  readonly scriptOf: (parts: readonly TransactionPart[]) => Script;
  readonly defaultDeadline: number;
}

/** How many scripts are remembered: one per combination of types and of what is done to them. */
const maxScripts = 200;

/**
 * Makes what transactions work with, which remembers contexts and scripts.
 *
 * @param defaultDeadline - milliseconds for transactions that name none.
 * @param keysOf - the keys of a type.
 * @param makeContext - makes the context of a type; called once.
 * @returns the host.
 */
export function transactionHost(
  defaultDeadline: number,
  keysOf: (definition: EntityDefinition) => Keyspace,
  makeContext: (definition: EntityDefinition) => Promise<TypeContext>,
): TransactionHost {
  const contexts = new Map<EntityDefinition, TypeContext>();
  const scripts = new Map<string, Script>();
  return {
    defaultDeadline,
    keysOf,
    async contextOf(definition) {
      const known = contexts.get(definition) ?? (await makeContext(definition));
      contexts.set(definition, known);
      return known;
    },
    scriptOf(parts) {
      const name = parts.map(({ kind, layout }) => `${kind} ${layout.internal}`).join("\n");
      const known = scripts.get(name) ?? transactionScript(parts);
      if (scripts.size >= maxScripts) scripts.delete(scripts.keys().next().value as string);
      scripts.set(name, known);
      return known;
    },
  };
}

/** What is done in one transaction; given to the function of `db.transaction()`. */
export class Transaction {
  readonly #host: TransactionHost;
  readonly #options: CallOptions;
  readonly #members = new Map<EntityDefinition, Promise<Member>>();
  #tag: { readonly text: string | undefined; readonly name: string } | undefined;
  /** What was begun and has not ended: reads, and hooks that take their time. */
  readonly #pending = new Set<Promise<unknown>>();
  #over = false;

  /**
   * Made by `db.transaction()`.
   *
   * @internal
   * @param host - contexts and scripts.
   * @param options - deadline and signal of each call.
   */
  constructor(host: TransactionHost, options: CallOptions) {
    this.#host = host;
    this.#options = options;
  }

  /**
   * The entities of one type, as this transaction sees and changes them.
   *
   * @param definition - made by `defineEntity`; all types of a transaction are `colocate`d, or it has one only.
   * @returns reading and writing within the transaction.
   * @throws CrossSlotError when the type does not share a slot with those before.
   */
  repository<D extends EntityDefinition>(definition: D): TransactionRepository<D>;
  /**
   * The entities of a class, as this transaction sees and changes them.
   *
   * @param type - a class that `@Entity` stands on.
   * @returns reading and writing within the transaction.
   * @throws CrossSlotError when the type does not share a slot with those before.
   */
  repository<T extends object>(type: EntityClass<T>): TransactionRepository<ClassDefinition<T>>;
  repository(given: EntityDefinition | EntityClass): unknown {
    const definition = definitionFor(given);
    this.#checkTag(definition);
    return new TransactionRepository(definition.name, (work) => this.#with(definition, work));
  }

  async #with<T>(definition: EntityDefinition, work: (member: Member, options: CallOptions) => T): Promise<Awaited<T>> {
    if (this.#over) {
      throw new QueryError(`${definition.name}: the transaction is over; nothing can be added to it`, {
        entity: definition.name,
      });
    }
    let member = this.#members.get(definition);
    if (member === undefined) {
      member = this.#host.contextOf(definition).then((context) => ({ context, held: new Map<string, Held>() }));
      this.#members.set(definition, member);
    }
    const piece = member.then((known) => work(known, this.#options));
    this.#pending.add(piece);
    try {
      return (await piece) as Awaited<T>;
    } finally {
      this.#pending.delete(piece);
    }
  }

  #checkTag(definition: EntityDefinition): void {
    const tag = { text: hashTag(this.#host.keysOf(definition).internal), name: definition.name };
    this.#tag ??= tag;
    if (this.#tag.text === tag.text) return;
    throw new CrossSlotError(
      `${tag.name} and ${this.#tag.name} do not share a slot, so one transaction cannot change both; ` +
        "give both definitions the same `colocate`",
      { entity: tag.name },
    );
  }

  /**
   * Ends the transaction: checks everything that was read, and writes everything that was wished for.
   *
   * @internal
   * @param operation - what is being done, for errors.
   * @returns true when it was written; false when something that was read has changed.
   */
  async commit(operation: string): Promise<boolean> {
    this.#over = true;
    // Whoever was not awaited counts all the same; what it threw is its caller's.
    await Promise.allSettled(this.#pending);
    const members = await Promise.all(this.#members.values());
    const parts = members.flatMap(partsOf).sort((left, right) => order.indexOf(left.kind) - order.indexOf(right.kind));
    if (!parts.some(({ kind }) => kind !== "guard")) return true;
    const script = this.#host.scriptOf(parts.map(({ kind, context: { layout } }) => ({ kind, layout })));
    const sizes = JSON.stringify(parts.map(({ keys, args }) => [keys.length, args.length]));
    const call: ScriptCall = {
      script,
      keys: parts.flatMap(({ keys }) => keys),
      args: [sizes, ...parts.flatMap(({ args }) => args)],
      operations: (parts[0] as Part).context.layout.operations,
      announces: members.some(({ context: { layout } }) => layout.changes !== undefined),
    };
    const entity = members.map(({ context }) => context.metadata.name).join(", ");
    const bytes = call.args.reduce((sum, word) => sum + word.length, 0);
    if (call.keys.length > 1 && bytes > maxBytes) {
      throw new QueryError(
        `${entity}: a transaction takes up to ${maxBytes / 1024 / 1024} MB in its one call; write less at once`,
        { entity },
      );
    }
    const { executor } = (members[0] as Member).context;
    const attempt = { operation, write: true, entity, ...this.#options };
    const reply = await observe({ name: entity }, operation, undefined, async (note) => {
      note(
        [call],
        members.reduce((sum, { held }) => sum + held.size, 0),
      );
      return (await executor.one(call, attempt)) as unknown[];
    });
    if (reply[0] === "DONE") {
      await forEach(members, tellHooks);
      return true;
    }
    const failed: [Part, Failure[]][] = [];
    for (let at = 1; at < reply.length; at += 2) {
      failed.push([parts[(reply[at] as number) - 1] as Part, reply[at + 1] as Failure[]]);
    }
    const errors = failed.flatMap(([part, failures]) => errorsOf(part, failures));
    const [first] = errors;
    if (first !== undefined) throw first;
    return false;
  }
}

type Failure = [position: number, code: string, first: string, second: string];
const order: readonly PartKind[] = ["guard", "remove", "save"];

interface Part {
  readonly kind: PartKind;
  readonly context: TypeContext;
  readonly keys: ScriptCall["keys"];
  readonly args: ScriptCall["args"];
  /** What the part is about, as it stands in keys. */
  readonly ids: readonly string[];
  /** Saves: the entities, and which of them were read here. */
  readonly prepared: readonly Prepared[];
  readonly read: ReadonlySet<string>;
}

function partsOf(member: Member): Part[] {
  const { held } = member;
  const context = commonHome(member.context, held.keys(), "a transaction");
  const { metadata, layout, fixedKeys, codec } = context;
  const entries = [...held];
  const read = new Set(entries.filter(([, { read: known }]) => known !== undefined).map(([id]) => id));
  const saved = entries.flatMap(([, { wish }]) => (wish?.kind === "save" ? [wish.prepared] : []));
  const removed = entries.filter(([, { wish }]) => wish?.kind === "delete").map(([id]) => id);
  // A save of a versioned entity looks at the version itself.
  const guarded = entries.filter(
    ([, { read: known, wish }]) => known !== undefined && !(wish?.kind === "save" && metadata.version !== undefined),
  );
  const parts: Part[] = [];
  const add = (kind: PartKind, ids: readonly string[], args: readonly (string | Buffer)[]): void => {
    const keys = [...fixedKeys, ...ids.map((id) => layout.documents + id)];
    parts.push({ kind, context, keys, args, ids, prepared: kind === "save" ? saved : [], read });
  };
  if (guarded.length > 0) {
    const items = guarded.map(([id, { read: known }]) =>
      guardOf(metadata.version, id, known as Exclude<Held["read"], undefined>),
    );
    add(
      "guard",
      guarded.map(([id]) => id),
      [JSON.stringify(items), JSON.stringify(codec.fields)],
    );
  }
  if (removed.length > 0) add("remove", removed, [JSON.stringify(removed), askRights(context, context.scripts.remove)]);
  if (saved.length > 0) {
    const { args } = saveManyCall(
      context,
      saved,
      saved.map(({ item }) => JSON.stringify(item)),
    );
    add(
      "save",
      saved.map(({ encodedId }) => encodedId),
      args,
    );
  }
  return parts;
}

function guardOf(
  version: string | undefined,
  id: string,
  { entity, print }: Exclude<Held["read"], undefined>,
): string[] {
  if (entity === null) return [id, "none", ""];
  return version === undefined ? [id, "print", print] : [id, "version", String(entity[version])];
}

// What was changed by others after it had been read says no more than that the function has to run again.
function errorsOf({ kind, context, ids, prepared, read }: Part, failures: readonly Failure[]): RemoraError[] {
  const real = failures.filter(([position, code]) => {
    const known = read.has(ids[position - 1] ?? "");
    return code !== "CHANGED" && !(known && kind === "save" && (code === "VERSION" || code === "EXISTS"));
  });
  if (kind === "save") return saveErrors(context, prepared, real).filter((error) => error !== undefined);
  return real.map(([position, code, first]) => {
    if (position !== 0) return wrongType(context.layout, decodeId(ids[position - 1] as string));
    return code === "STAMP" ? stampError(context.layout, first) : forbidden(context, first);
  });
}

/** Reading and writing entities of one type within a transaction. */
export class TransactionRepository<D extends EntityDefinition> {
  readonly #name: string;
  readonly #with: <T>(work: (member: Member, options: CallOptions) => T) => Promise<Awaited<T>>;

  /**
   * Made by `transaction.repository()`.
   *
   * @internal
   * @param name - the type's name.
   * @param open - gives what the transaction knows of the type.
   */
  constructor(name: string, open: <T>(work: (member: Member, options: CallOptions) => T) => Promise<Awaited<T>>) {
    this.#name = name;
    this.#with = open;
  }

  /**
   * Reads one entity, as this transaction left it. One round trip (HMGET or JSON.GET), none when it was read before.
   *
   * @param id - its id.
   * @param options - `withDeleted` finds an entity that was deleted softly as well.
   * @returns the entity, or null when there is none; must still be so when the transaction ends.
   * @throws CorruptEntityError when the document does not fit the schema.
   */
  findById(id: string, options: Pick<FindOptions, "withDeleted"> = {}): Promise<EntityOf<D> | null> {
    return this.#with(async (member, call) => {
      const found = await current(member, encodeId(id, this.#name), call);
      const entity = shown(member.context.metadata, found, options.withDeleted);
      return entity === null ? null : (copyOf(entity) as EntityOf<D>);
    });
  }

  /**
   * Reads one entity that must be there, as this transaction left it.
   *
   * @param id - its id.
   * @param options - `withDeleted` finds an entity that was deleted softly as well.
   * @returns the entity.
   * @throws EntityNotFoundError when there is none.
   */
  async findByIdOrThrow(id: string, options: Pick<FindOptions, "withDeleted"> = {}): Promise<EntityOf<D>> {
    const entity = await this.findById(id, options);
    if (entity !== null) return entity;
    throw new EntityNotFoundError(`${this.#name} ${JSON.stringify(id)} does not exist`, { entity: this.#name, id });
  }

  /**
   * Stores a new entity when the transaction ends. Nothing is sent before.
   *
   * @param input - the entity; id, version, timestamps and defaults may be left out.
   * @param options - `ttl`.
   * @returns the entity as it will be stored.
   * @throws ValidationError when it does not fit the schema.
   * @throws EntityExistsError when this transaction knows of one with the id; the transaction ends with it otherwise.
   */
  insert(input: InputOf<D>, options: Pick<SaveOptions, "ttl"> = {}): Promise<EntityOf<D>> {
    return this.#with(async (member) => {
      const { metadata } = member.context;
      const hooked = metadata.hooks?.beforeSave !== undefined;
      const given = hooked ? await beforeSave(metadata, input, "insert") : input;
      const prepared = prepare(member.context, await identified(metadata, given), "insert", options.ttl);
      refusePending(metadata, prepared.encodedId);
      const held = heldOf(member, prepared.encodedId);
      if (held.wish?.kind === "save" || (held.read?.entity ?? null) !== null) {
        const id = decodeId(prepared.encodedId);
        throw new EntityExistsError(`${this.#name} ${JSON.stringify(id)} exists already`, { entity: this.#name, id });
      }
      if (held.wish?.kind === "delete") throw deletedBefore(this.#name, prepared);
      held.wish = { kind: "save", prepared, operation: "insert" };
      return prepared.entity as EntityOf<D>;
    });
  }

  /**
   * Stores an entity, new or not, when the transaction ends. Nothing is sent before.
   *
   * @param input - what `insert` takes or what a read returned; of a versioned type, with the version that was read.
   * @param options - `ttl`.
   * @returns the entity as it will be stored.
   * @throws ValidationError when it does not fit the schema.
   */
  save(input: InputOf<D>, options: Pick<SaveOptions, "ttl"> = {}): Promise<EntityOf<D>> {
    return this.#with(async (member) => {
      const { metadata } = member.context;
      const hooked = metadata.hooks?.beforeSave !== undefined;
      const given = hooked ? await beforeSave(metadata, input, "save") : input;
      const ready = await identified(member.context.metadata, given);
      return saved(member, this.#name, ready, options.ttl, "save") as EntityOf<D>;
    });
  }

  /**
   * Changes fields of an entity, which is read first unless it was before.
   *
   * @param id - its id.
   * @param patch - dotted path to new value or operator: `inc`, `push`, `unset` and the like.
   * @param options - `ttl`.
   * @returns the entity as it will be stored.
   * @throws ValidationError when a change does not fit the schema.
   * @throws EntityNotFoundError when there is none.
   */
  update(id: string, patch: PatchOf<D>, options: Pick<SaveOptions, "ttl"> = {}): Promise<EntityOf<D>> {
    return this.#with(async (member, call) => {
      const { metadata } = member.context;
      const { steps } = planPatch(metadata, patch, id, member.context.now);
      const hooked = metadata.hooks?.beforeSave !== undefined;
      for (;;) {
        // eslint-disable-next-line no-await-in-loop -- again when the transaction changed it while a hook ran
        const entity = await current(member, encodeId(id, this.#name), call);
        if (entity === null) {
          throw new EntityNotFoundError(`${this.#name} ${JSON.stringify(id)} does not exist`, {
            entity: this.#name,
            id,
          });
        }
        const patched = applySteps(metadata, entity, steps, id);
        if (!hooked) return saved(member, this.#name, patched, options.ttl, "update") as EntityOf<D>;
        // eslint-disable-next-line no-await-in-loop
        const given = await beforeSave(metadata, patched, "update");
        // eslint-disable-next-line no-await-in-loop
        if ((await current(member, encodeId(id, this.#name), call)) !== entity) continue;
        return saved(member, this.#name, given, options.ttl, "update") as EntityOf<D>;
      }
    });
  }

  /**
   * Deletes an entity when the transaction ends. Nothing is sent before, unless the type deletes softly or has hooks for this:
   * then the entity is read.
   *
   * @param id - its id.
   */
  delete(id: string): Promise<void> {
    return this.#remove(id, true);
  }

  /**
   * Removes an entity for good when the transaction ends, of a type with `softDelete`; as `delete` does elsewhere.
   *
   * @param id - its id.
   * @throws QueryError when the definition has no `softDelete`.
   */
  purge(id: string): Promise<void> {
    return this.#remove(id, false);
  }

  #remove(id: string, softly: boolean): Promise<void> {
    return this.#with(async (member, call) => {
      const { metadata } = member.context;
      const { hooks } = metadata;
      const encodedId = encodeId(id, this.#name);
      if (!softly) softDeleteOf(metadata, "purge");
      const marked = softly && metadata.softDelete !== undefined;
      if (marked || hooks?.beforeDelete !== undefined || hooks?.afterDelete !== undefined) {
        let entity = await current(member, encodedId, call);
        for (;;) {
          if (entity === null || (marked && isDeleted(metadata, entity))) return;
          // eslint-disable-next-line no-await-in-loop -- again when the transaction changed it while a hook ran
          if (hooks?.beforeDelete !== undefined) await beforeDelete(metadata, entity);
          // eslint-disable-next-line no-await-in-loop
          const now: Row | null = await current(member, encodedId, call);
          if (now === entity) break;
          entity = now;
        }
        if (marked) {
          saved(member, this.#name, deletedNow(member.context, entity), undefined, "delete");
          return;
        }
      }
      heldOf(member, encodedId).wish = { kind: "delete" };
    });
  }
}

// What the caller does to it must not blur what was read; it is of the same class.
function copyOf(entity: Row): Row {
  return Object.assign(Object.create(Object.getPrototypeOf(entity) as object) as Row, structuredClone(entity));
}

/**
 * Runs a function whose reads and writes count all at once, again when others changed what it had read.
 *
 * @param host - contexts and scripts.
 * @param work - the function.
 * @param options - retries, backoff, deadline for all of it, and signal.
 * @returns what the function returned.
 * @throws VersionConflictError when others came between each time.
 */
export async function runTransaction<T>(
  host: TransactionHost,
  work: (transaction: Transaction) => Promise<T>,
  options: TransactionOptions,
): Promise<T> {
  const { retries = defaultRetries, backoff = defaultBackoff, signal } = options;
  const end = performance.now() + (options.deadline ?? host.defaultDeadline);
  for (let tries = 0; ; tries += 1) {
    const left = end - performance.now();
    if (left <= 0) throw new DeadlineError("transaction: the deadline passed between two tries");
    const transaction = new Transaction(host, { deadline: left, ...(signal === undefined ? {} : { signal }) });
    // eslint-disable-next-line no-await-in-loop -- each try begins with what the one before left
    const result = await work(transaction);
    // eslint-disable-next-line no-await-in-loop
    if (await transaction.commit("transaction")) return result;
    if (tries >= retries) {
      throw new VersionConflictError(
        `transaction: others changed what it had read ${tries + 1} times in a row; try again later`,
        { expected: null, actual: null },
      );
    }
    // eslint-disable-next-line no-await-in-loop
    await pauseBeforeRetry(
      tries,
      backoff,
      signal,
      (cause) => new DeadlineError("transaction: the signal fired between two tries", { cause }),
    );
  }
}
