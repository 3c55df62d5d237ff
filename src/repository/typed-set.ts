// A typed set: what can be done with the members of one key, each in one round trip.
// Members have no order, and each is in it once.
import type { CallOptions } from "../query/query.ts";
import type { Holding } from "./holding.ts";

/** A set. */
export class TypedSet<T, I = T> {
  readonly #holding: Holding;

  /**
   * Made for a key, or an entity.
   *
   * @internal
   * @param holding - sends its commands.
   */
  constructor(holding: Holding) {
    this.#holding = holding;
  }

  /**
   * Adds members. One round trip (SADD).
   *
   * @param members - up to 5000 of them.
   * @returns how many were not in it before.
   * @throws ValidationError when one of them does not fit its schema; none is added.
   * @throws EntityNotFoundError when it is an entity's, and there is no such entity.
   */
  async add(...members: readonly I[]): Promise<number> {
    if (members.length === 0) return 0;
    return Number(await this.#holding.write("add", "SADD", ...this.#holding.texts(members)));
  }

  /**
   * Takes members away. One round trip (SREM).
   *
   * @param members - up to 5000 of them.
   * @returns how many were in it.
   * @throws EntityNotFoundError when it is an entity's, and there is no such entity.
   */
  async remove(...members: readonly I[]): Promise<number> {
    if (members.length === 0) return 0;
    return Number(await this.#holding.write("remove", "SREM", ...this.#holding.texts(members)));
  }

  /**
   * Tells whether a member is in it. One round trip (SISMEMBER).
   *
   * @param member - the member.
   * @param options - deadline in milliseconds, and signal.
   * @returns true when it is.
   */
  async has(member: I, options: CallOptions = {}): Promise<boolean> {
    const [text = ""] = this.#holding.texts([member]);
    return (await this.#holding.read("has", options, "SISMEMBER", text)) === 1;
  }

  /**
   * Reads every member, in no order. One round trip (SMEMBERS), which takes the longer the more there are.
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns the members.
   * @throws CorruptEntityError when one of them does not fit its schema.
   */
  async members(options: CallOptions = {}): Promise<T[]> {
    const texts = (await this.#holding.read("members", options, "SMEMBERS")) as Iterable<string>;
    return Array.from(texts, (text) => this.#holding.item(text));
  }

  /**
   * Reads some members by chance, each at most once. One round trip (SRANDMEMBER).
   *
   * @param count - how many at most; 1 when left out.
   * @param options - deadline in milliseconds, and signal.
   * @returns the members: as many as were asked for, or all there are.
   * @throws CorruptEntityError when one of them does not fit its schema.
   */
  async random(count = 1, options: CallOptions = {}): Promise<T[]> {
    const texts = await this.#holding.read("random", options, "SRANDMEMBER", this.#holding.count(count));
    return Array.from(texts as Iterable<string>, (text) => this.#holding.item(text));
  }

  /**
   * Takes some members away by chance, so that only one caller gets each. One round trip (SPOP).
   *
   * @param count - how many at most; 1 when left out.
   * @returns the members: as many as were asked for, or all there were.
   * @throws CorruptEntityError when one of them does not fit its schema; they were taken away.
   * @throws EntityNotFoundError when it is an entity's, and there is no such entity.
   */
  async pop(count = 1): Promise<T[]> {
    const texts = await this.#holding.write("pop", "SPOP", this.#holding.count(count));
    return Array.from(texts as Iterable<string>, (text) => this.#holding.item(text));
  }

  /**
   * Counts the members. One round trip (SCARD).
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns how many there are.
   */
  async size(options: CallOptions = {}): Promise<number> {
    return Number(await this.#holding.read("size", options, "SCARD"));
  }

  /** Takes every member away. One round trip (UNLINK). */
  clear(): Promise<void> {
    return this.#holding.clear();
  }
}
