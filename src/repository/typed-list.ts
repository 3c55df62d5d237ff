// A typed list: what can be done with the items of one key, each in one round trip.
// Items have an order, and some of them may be alike.
import type { CallOptions } from "../query/query.ts";
import type { Holding, Work } from "./holding.ts";

/** A place that is not there is told, not failed for. */
const placing: Work = Object.freeze({
  name: "place",
  lua: `
  local size, at = redis.call('LLEN', key), tonumber(words[1])
  if at >= size or at < -size then return 0 end
  redis.call('LSET', key, words[1], words[2])
  return 1`,
});

/** A list. */
export class TypedList<T, I = T> {
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
   * Adds items at the end. One round trip (RPUSH).
   *
   * @param items - up to 5000 of them.
   * @returns how many there are then.
   * @throws ValidationError when one of them does not fit its schema; none is added.
   * @throws EntityNotFoundError when it is an entity's, and there is no such entity.
   */
  async push(...items: readonly I[]): Promise<number> {
    if (items.length === 0) return this.length();
    return Number(await this.#holding.write("push", "RPUSH", ...this.#holding.texts(items)));
  }

  /**
   * Adds items at the beginning, the first of them first of all. One round trip (LPUSH).
   *
   * @param items - up to 5000 of them.
   * @returns how many there are then.
   * @throws ValidationError when one of them does not fit its schema; none is added.
   * @throws EntityNotFoundError when it is an entity's, and there is no such entity.
   */
  async unshift(...items: readonly I[]): Promise<number> {
    if (items.length === 0) return this.length();
    return Number(await this.#holding.write("unshift", "LPUSH", ...this.#holding.texts(items).reverse()));
  }

  /**
   * Takes the last item away. One round trip (RPOP).
   *
   * @returns the item, or null when there is none.
   * @throws EntityNotFoundError when it is an entity's, and there is no such entity.
   */
  async pop(): Promise<T | null> {
    return this.#holding.itemOrNull(await this.#holding.write("pop", "RPOP"));
  }

  /**
   * Takes the first item away. One round trip (LPOP).
   *
   * @returns the item, or null when there is none.
   * @throws EntityNotFoundError when it is an entity's, and there is no such entity.
   */
  async shift(): Promise<T | null> {
    return this.#holding.itemOrNull(await this.#holding.write("shift", "LPOP"));
  }

  /**
   * Reads items by their places. One round trip (LRANGE).
   *
   * @param from - place of the first, from 0; negative ones count from the end.
   * @param to - place of the last; -1, the end, when left out.
   * @param options - deadline in milliseconds, and signal.
   * @returns the items.
   * @throws CorruptEntityError when one of them does not fit its schema.
   */
  async range(from = 0, to = -1, options: CallOptions = {}): Promise<T[]> {
    const places = [this.#holding.whole(from), this.#holding.whole(to)];
    const texts = (await this.#holding.read("range", options, "LRANGE", ...places)) as readonly string[];
    return texts.map((text) => this.#holding.item(text));
  }

  /**
   * Reads the item at a place. One round trip (LINDEX).
   *
   * @param at - the place, from 0; negative ones count from the end.
   * @param options - deadline in milliseconds, and signal.
   * @returns the item, or null when there is no such place.
   * @throws CorruptEntityError when it does not fit its schema.
   */
  async at(at: number, options: CallOptions = {}): Promise<T | null> {
    return this.#holding.itemOrNull(await this.#holding.read("at", options, "LINDEX", this.#holding.whole(at)));
  }

  /**
   * Puts an item in the place of another. One round trip (EVALSHA of LSET).
   *
   * @param at - the place, from 0; negative ones count from the end.
   * @param item - the item.
   * @returns false when there is no such place.
   * @throws ValidationError when the item does not fit its schema.
   * @throws EntityNotFoundError when it is an entity's, and there is no such entity.
   */
  async replace(at: number, item: I): Promise<boolean> {
    const [text = ""] = this.#holding.texts([item]);
    return Number(await this.#holding.write("replace", placing, this.#holding.whole(at), text)) === 1;
  }

  /**
   * Counts the items. One round trip (LLEN).
   *
   * @param options - deadline in milliseconds, and signal.
   * @returns how many there are.
   */
  async length(options: CallOptions = {}): Promise<number> {
    return Number(await this.#holding.read("length", options, "LLEN"));
  }

  /**
   * Takes every item away that is like this one. One round trip (LREM).
   *
   * @param item - the item.
   * @returns how many there were.
   * @throws EntityNotFoundError when it is an entity's, and there is no such entity.
   */
  async remove(item: I): Promise<number> {
    const [text = ""] = this.#holding.texts([item]);
    return Number(await this.#holding.write("remove", "LREM", 0, text));
  }

  /**
   * Keeps some items, and takes the others away. One round trip (LTRIM).
   *
   * @param from - place of the first to keep, from 0; negative ones count from the end.
   * @param to - place of the last to keep.
   * @throws EntityNotFoundError when it is an entity's, and there is no such entity.
   */
  async trim(from: number, to: number): Promise<void> {
    await this.#holding.write("trim", "LTRIM", this.#holding.whole(from), this.#holding.whole(to));
  }

  /** Takes every item away. One round trip (UNLINK). */
  clear(): Promise<void> {
    return this.#holding.clear();
  }
}
