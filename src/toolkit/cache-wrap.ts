// Functions and methods whose results are cached, under a name and the arguments of a call.
// One decorator serves both flavours of the language, which differ in their second argument.
import { DefinitionError } from "../errors.ts";
import type { AnySchema, JsonSchema, ValueInputOf, ValueOf } from "../schema/zod.ts";
import type { Cache } from "./cache.ts";
import { argumentsKey } from "./cache-arguments.ts";
import type { CacheLoadOptions } from "./cache-options.ts";

/** What `wrap` accepts. */
export interface WrapOptions<A extends unknown[]> extends Pick<CacheLoadOptions, "ttl" | "negativeTtl"> {
  /** What its keys begin with; the function's own name when left out, which a minifier may change. */
  readonly name?: string;
  /** The rest of the key; made of all arguments when left out. */
  readonly key?: (...args: A) => string;
  /** The tags of a result: always the same, or by the arguments. */
  readonly tags?: readonly string[] | ((...args: A) => readonly string[]);
}

/** A function whose results are cached. */
export interface CachedFunction<A extends unknown[], V> {
  (...args: A): Promise<V>;
  /** The key of a call, for `delete`. */
  readonly keyOf: (...args: A) => string;
}

/**
 * Makes a cached function.
 *
 * @param cache - where results are kept.
 * @param title - what to call it in errors.
 * @param name - what its keys begin with.
 * @param work - the function.
 * @param options - key, tags and times.
 * @returns the function.
 */
export function wrapped<S extends AnySchema, A extends unknown[]>(
  cache: Cache<S>,
  title: string,
  name: string,
  work: (...args: A) => ValueInputOf<S> | Promise<ValueInputOf<S>>,
  options: WrapOptions<A>,
): CachedFunction<A, ValueOf<S>> {
  const keyOf = (...args: A): string => name + restOf(title, options, args);
  const constant = loadOptions(options);
  const call = async function (this: unknown, ...args: A): Promise<ValueOf<S>> {
    const key = keyOf(...args);
    const { tags } = options;
    const asked = typeof tags === "function" ? { ...constant, tags: tags(...args) } : constant;
    return cache.getOrSet(key, () => work.apply(this, args), asked);
  };
  return Object.assign(call, { keyOf });
}

function restOf<A extends unknown[]>(title: string, { key }: WrapOptions<A>, args: A): string {
  return key === undefined ? argumentsKey(title, args) : `:${key(...args)}`;
}

function loadOptions<A extends unknown[]>({ tags, ttl, negativeTtl }: WrapOptions<A>): CacheLoadOptions {
  return {
    ...(ttl === undefined ? {} : { ttl }),
    ...(negativeTtl === undefined ? {} : { negativeTtl }),
    ...(tags === undefined || typeof tags === "function" ? {} : { tags }),
  };
}

/** A method that can be cached: of arguments A, with results that the schema takes and gives. */
export type CachedMethod<S extends AnySchema, A extends unknown[]> = (
  ...args: A
) => Promise<ValueInputOf<S> & ValueOf<S>>;

/** A decorator of methods, in both flavours. */
export interface CachedDecorator<S extends AnySchema, A extends unknown[]> {
  /** TypeScript's own flavour. */
  <M extends CachedMethod<S, A>>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<M>,
  ): TypedPropertyDescriptor<M>;
  /** The language's. */
  <M extends CachedMethod<S, A>>(method: M, context: ClassMethodDecoratorContext<never, M>): M;
}

/**
 * Caches the results of a method, under the names of class and method, and its arguments; the object itself is no part of the key.
 *
 * @param from - the cache, or a function that gives it when the method is first called.
 * @param options - name, key, tags and times.
 * @returns a decorator of methods that give promises.
 * @throws DefinitionError when it stands on something else than a method.
 *
 * @example
 * ```ts
 * import { connect } from "remora";
 * import { cache, Cached } from "remora/toolkit";
 *
 * const db = await connect("redis://localhost:6379", { namespace: "app" });
 * const pages = cache(db, "page", { ttl: 60 });
 * class Weather {
 *   @Cached(pages, { tags: (city: string) => [`city:${city}`] })
 *   async forecast(city: string): Promise<string> {
 *     return `sunny in ${city}`;
 *   }
 * }
 * await new Weather().forecast("Oslo"); // "sunny in Oslo"
 * await db.close();
 * ```
 */
export function Cached<S extends AnySchema = JsonSchema, A extends unknown[] = never[]>(
  from: Cache<S> | (() => Cache<S>),
  options: WrapOptions<A> = {},
): CachedDecorator<S, A> {
  const cached = (method: unknown, name: string | symbol): CachedMethod<S, A> => {
    if (typeof method !== "function")
      throw new DefinitionError(`@Cached stands on ${String(name)}, which is no method`);
    if (typeof name !== "string" && options.name === undefined) {
      throw new DefinitionError(`@Cached stands on ${String(name)}, which needs a name: { name: … }`);
    }
    const constant = loadOptions(options);
    return async function (this: unknown, ...args: A) {
      const cache = typeof from === "function" ? from() : from;
      // By the object that is asked: classes made from this one may see things differently.
      const owner = typeof this === "function" ? this.name : ((this as object | undefined)?.constructor.name ?? "");
      const own = options.name ?? `${owner}.${String(name)}`;
      const key = own + restOf(own, options, args);
      const { tags } = options;
      const asked = typeof tags === "function" ? { ...constant, tags: tags(...args) } : constant;
      const load = (): Promise<ValueInputOf<S>> => (method as CachedMethod<S, A>).apply(this, args);
      return (await cache.getOrSet(key, load, asked)) as ValueInputOf<S> & ValueOf<S>;
    };
  };
  return ((target: unknown, at: string | symbol | ClassMethodDecoratorContext, descriptor?: PropertyDescriptor) => {
    if (typeof at === "object") return cached(target, at.name);
    return { ...descriptor, value: cached(descriptor?.value, at) };
  }) as CachedDecorator<S, A>;
}
