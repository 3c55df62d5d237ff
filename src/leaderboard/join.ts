// Boards whose rows carry entities: the repository that has them, and what makes ids of members.
// One read by ids more, whatever the board's own read was.
import { DefinitionError } from "../errors.ts";
import type { FindOptions, ReadOptions } from "../repository/load.ts";

/** Where entities are read: a repository, also one for reading only. */
export interface EntitySource {
  /** A repository has none: what has one is {@link MappedSource}. */
  readonly repository?: never;
  /** Nor this. */
  readonly id?: never;
  /** Reads entities by their ids; null for those that are not there. */
  findByIds(ids: readonly string[], options?: ReadOptions & FindOptions): Promise<(object | null)[]>;
  /** Tells the compiler which entities. */
  loader(options?: FindOptions): EntityLoader<object>;
}

/** Reads entities E one by one; what a repository's `loader()` gives. */
export interface EntityLoader<E> {
  /** Reads one entity. */
  load(id: string): Promise<E | null>;
}

/** A repository, and what makes ids of members. */
export interface MappedSource {
  /** Where the entities are. */
  readonly repository: EntitySource;
  /** The id of a member's entity; the member itself when left out. */
  readonly id?: (member: string) => string;
}

/** Whose entities the rows of a board carry. */
export type BoardJoin = EntitySource | MappedSource;

/** Options of boards that are joined. */
export interface JoinedBoard<J extends BoardJoin = BoardJoin> {
  /** Whose entities rows carry. */
  readonly join: J;
}

/** The entities of a join. */
export type EntityOfJoin<J> = J extends Record<"repository", infer R> ? EntityOfSource<R> : EntityOfSource<J>;
type EntityOfSource<R> = R extends { loader(options?: FindOptions): EntityLoader<infer E> } ? E : never;

/** Rows before they have their entities. */
type Row = object & { readonly member: string };

/** Puts entities to rows. */
export class Join {
  readonly #source: EntitySource;
  readonly #idOf: ((member: string) => string) | undefined;

  /**
   * @param board - the board's name, for errors.
   * @param given - what the board was told.
   * @throws DefinitionError when it is no repository, or `id` is no function.
   */
  constructor(board: string, given: BoardJoin) {
    // Whatever was given instead of a repository has neither.
    const { repository = given as EntitySource | null, id } = (given ?? {}) as Partial<MappedSource>;
    if (typeof repository?.findByIds !== "function" || !(id === undefined || typeof id === "function")) {
      throw new DefinitionError(
        `leaderboard ${JSON.stringify(board)}: join is a repository, or { repository, id } with a function that makes ids of members`,
        { entity: board },
      );
    }
    this.#source = repository;
    this.#idOf = id;
  }

  /**
   * Reads the entities of rows: one round trip per 200, four of them at once.
   *
   * @param rows - rows, or null where there is none.
   * @param options - as reads by id take them.
   * @returns the rows with their entities, in order.
   */
  async complete<R extends Row>(
    rows: readonly (R | null)[],
    options: (ReadOptions & FindOptions) | undefined,
  ): Promise<(R | null)[]> {
    const found = rows.filter((row) => row !== null);
    if (found.length === 0) return [...rows];
    const idOf = this.#idOf;
    const ids = found.map(({ member }) => (idOf === undefined ? member : idOf(member)));
    const entities = await this.#source.findByIds(ids, options);
    let next = 0;
    return rows.map((row) => {
      if (row === null) return null;
      const entity = entities[next] ?? null;
      next += 1;
      return { ...row, entity };
    });
  }
}
