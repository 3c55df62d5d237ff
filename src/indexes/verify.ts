// Checking a type's indexes against its documents, and its documents against its indexes, while everybody works on.
// What is compared with each other is read in one script call, so that no concurrent write is ever taken for damage.
import { isDeepStrictEqual } from "node:util";
import { CapabilityError, IndexNotReadyError, isRemoraError } from "../errors.ts";
import { parseJson } from "../codec/json-value.ts";
import { indexValues } from "../codec/term.ts";
import { keepsDeadline } from "../engines/layout.ts";
import { stampError } from "../engines/stamp.ts";
import { type CheckedDocument, type CheckedProblem, checkScript } from "../engines/verify/documents.ts";
import { type Place, placesOf } from "../engines/verify/places.ts";
import { walkOf, type WalkReply, walkScript } from "../engines/verify/walk.ts";
import { packsVectors } from "../engines/write/lua.ts";
import { mendScript } from "../engines/write/reindex.ts";
import { inFlight } from "../repository/flight.ts";
import type { IndexProgress } from "../repository/indexes.ts";
import type { RepairReport, VerifyReport } from "../repository/findings.ts";
import { snapshotOf } from "../repository/save.ts";
import { decodeId } from "../schema/key.ts";
import { FindingList } from "./findings.ts";
import { documentIds, internalKeys, keyProblem } from "./keys.ts";
import { dies, duplicate, Reindexer, strangeKey } from "./reindexer.ts";
import { reviser } from "./revision.ts";
import { indexInfo, noIndex } from "./search-index.ts";
import type { Session } from "./session.ts";

/** Documents per script call: what a server works off in a few milliseconds. */
const documentsPerCall = 50;
/** Keys per script call. */
const keysPerCall = 200;
/** Calls in flight: neither side waits for the other, and others get their turn. */
const callsInFlight = 2;
/** Vector sets have no cursor: up to so many members are listed at once, which takes a server 10 ms. */
const maxListed = 20_000;
/** How often a repair goes over everything before it says what it could not mend. */
const maxRounds = 4;

/** What is done about what is found: nothing, or what can be. */
type Purpose = "verify" | "repair";

/**
 * Checks a type's indexes.
 *
 * @param session - the run of work.
 * @param report - told how far it is.
 * @returns what was found.
 */
export async function verifyIndexes(
  session: Session,
  report: (progress: IndexProgress) => void,
): Promise<VerifyReport> {
  await demandReady(session);
  const round = new Round(session, "verify", report);
  await round.run();
  return round.found();
}

/**
 * Mends a type's indexes: goes over everything until there is nothing left that it can mend.
 *
 * @param session - the run of work.
 * @param report - told how far it is.
 * @returns what was done, and what is left.
 */
export async function repairIndexes(
  session: Session,
  report: (progress: IndexProgress) => void,
): Promise<RepairReport> {
  await demandReady(session);
  let [rewritten, removed] = [0, 0];
  for (let count = 1; ; count += 1) {
    const round = new Round(session, count > maxRounds ? "verify" : "repair", report);
    // eslint-disable-next-line no-await-in-loop -- each round looks at what the last one left
    await round.run();
    rewritten += round.rewritten;
    removed += round.removed;
    if (round.rewritten + round.removed === 0) return { ...round.found(), rewritten, removed };
  }
}

async function demandReady(session: Session): Promise<void> {
  const { layout, metadata } = session.context;
  const { stamp = "" } = await session.meta("stamp");
  if (stamp !== layout.stamp) throw stampError(layout, stamp);
  if (layout.engine !== "search") return;
  const info = await indexInfo(session);
  if (info === undefined || Number(info["indexing"] ?? 0) !== 0) throw noSearchIndex(metadata.name);
}

/** One time over all documents, and over all that is kept beside them. */
class Round {
  rewritten = 0;
  removed = 0;
  readonly #session: Session;
  readonly #mends: boolean;
  readonly #report: (progress: IndexProgress) => void;
  readonly #findings: FindingList;
  readonly #check;
  readonly #walk;
  readonly #placeOf;
  readonly #revise;
  readonly #reindexer: Reindexer;
  #asked = false;
  #documents = 0;
  #entries = 0;
  #garbage = 0;

  constructor(session: Session, purpose: Purpose, report: (progress: IndexProgress) => void) {
    const { context } = session;
    const { layout } = context;
    this.#session = session;
    this.#mends = purpose === "repair";
    this.#report = report;
    this.#findings = new FindingList(context.metadata.name);
    this.#check = checkScript(layout);
    this.#walk = walkScript(layout, this.#mends);
    this.#placeOf = placesOf(layout);
    this.#revise = reviser(context);
    this.#reindexer = new Reindexer(session, {
      script: mendScript(layout),
      head: [],
      heed: (reply) => this.#heed(reply),
      tagged: layout.tagged,
      // What is wrong with a document was told when it was checked.
      fault: () => undefined,
    });
  }

  async run(): Promise<void> {
    const { layout, metadata } = this.#session.context;
    // Nothing can be written to a key of another type, so these go first.
    if (this.#mends) await this.#goOver(true);
    const total =
      layout.ids === undefined
        ? undefined
        : Number(await this.#session.send({ name: "ZCARD", args: [layout.ids] }, wrongType));
    for await (const ids of documentIds(this.#session, metadata.storage)) {
      const chunks = [];
      for (let at = 0; at < ids.length; at += documentsPerCall) chunks.push(ids.slice(at, at + documentsPerCall));
      await inFlight(chunks, callsInFlight, async (chunk) => {
        await this.#documentsOf(chunk);
        this.#documents += chunk.length;
        this.#report({ done: this.#documents, total });
      });
    }
    await this.#goOver(false);
  }

  found(): VerifyReport {
    const { list, count } = this.#findings;
    return { documents: this.#documents, entries: this.#entries, findings: list, found: count, garbage: this.#garbage };
  }

  async #documentsOf(ids: readonly string[]): Promise<void> {
    const { layout, metadata, fixedKeys } = this.#session.context;
    const broken = new Map<string, boolean>();
    let left = ids.filter((id) => {
      const problem = keyProblem(layout, id) ?? (id.includes("\uFFFD") ? "its key is not UTF-8 text" : undefined);
      if (problem !== undefined) this.#findings.addError("corrupt", id, strangeKey(metadata.name, id, problem));
      return problem === undefined;
    });
    while (left.length > 0) {
      const keys = [...fixedKeys, ...left.map((id) => layout.documents + id)];
      // eslint-disable-next-line no-await-in-loop -- each call says how far it came
      const reply = await this.#session.send(
        { script: this.#check, keys, args: [JSON.stringify(left), layout.alias] },
        noIndex,
      );
      if (reply === undefined) throw noSearchIndex(metadata.name);
      this.#heed(reply);
      const [worked, found, indexed] = reply as [number, (CheckedDocument | null)[], unknown[] | undefined];
      const held = indexed && new Set(indexed.slice(1).map(String));
      for (const [at, document] of found.entries()) {
        const id = left[at] as string;
        if (document === null) continue;
        const dropped = held?.has(layout.documents + id) === false;
        if (this.#examine(id, document, dropped)) broken.set(id, dropped);
      }
      left = left.slice(worked);
    }
    if (!this.#mends || broken.size === 0) return;
    this.rewritten += broken.size;
    const dropped = new Set([...broken].filter(([, each]) => each).map(([id]) => id));
    await this.#reindexer.work([...broken.keys()], dropped);
  }

  // Whether there is something that a repair can mend.
  #examine(id: string, document: CheckedDocument, dropped: boolean): boolean {
    const { context } = this.#session;
    const { metadata, codec, layout } = context;
    const [body, expires, snapshot, listed, , entries, problems] = document;
    const before = this.#findings.count;
    this.#entries += entries;
    const revision = this.#revise(body, id, layout.tagged, false);
    let wanted: string | undefined;
    let encoded;
    let beyond = 0;
    try {
      const entity = codec.decode(revision.stored, decodeId(id));
      const values = indexValues(metadata, entity);
      encoded = codec.encode(entity, id, context.engine.hidden(values));
      wanted = snapshotOf(metadata, values);
    } catch (error) {
      if (!isRemoraError(error)) throw error;
      this.#findings.addError("corrupt", id, error);
      beyond += 1;
    }
    const { sets, removals } = revision.changes(encoded);
    const binary = (place: string): boolean => packsVectors(layout) && place.startsWith("$vector.");
    for (const place of [...[...sets.keys()].filter((each) => !binary(each)), ...removals]) {
      this.#findings.add("document", id, `${JSON.stringify(place)} of its document is not as a save writes it`, {
        field: place,
      });
    }
    if (layout.ids !== undefined && listed === null) {
      this.#findings.add("registry", id, "it is not in the list of all ids", { key: layout.ids });
    }
    if (dropped && wanted !== undefined) {
      this.#findings.add("unindexed", id, "the search server has it not in its index", { key: layout.index });
    }
    beyond += this.#examineTime(id, expires, document);
    const spoilt = problems.some(([code]) => code === "SNAPSHOT");
    const right = !spoilt && (layout.snapshot === undefined || sameSnapshot(snapshot, wanted));
    if (!right) {
      this.#findings.add("snapshot", id, "what is remembered of its entries is not what its document says", {
        key: layout.snapshot as string,
      });
    }
    for (const problem of problems) beyond += this.#examineEntry(id, problem, right, encoded !== undefined);
    return this.#findings.count - before > beyond;
  }

  // How many findings a repair cannot mend, as below.
  #examineTime(id: string, expires: number, [body, , , , noted]: CheckedDocument): number {
    const { layout, metadata } = this.#session.context;
    if (expires > 0 && metadata.ttl === undefined) {
      this.#findings.addError("deadline", id, dies(metadata.name, id));
      return 1;
    }
    const wanted = expires > 0 ? expires : undefined;
    const compare = (held: number | undefined, key: string | undefined): void => {
      if (held === wanted) return;
      const [dies, says] = [wanted, held].map((time) => (time === undefined ? "never" : `at ${time}`));
      this.#findings.add(
        "deadline",
        id,
        `its document dies ${dies}, but ${says} is noted`,
        key === undefined ? {} : { key },
      );
    };
    if (layout.expiry !== undefined) compare(noted === null ? undefined : Number(noted), layout.expiry);
    if (keepsDeadline(layout)) compare(deadlineIn(body), undefined);
    return 0;
  }

  #examineEntry(id: string, problem: CheckedProblem, right: boolean, decoded: boolean): number {
    const { metadata, layout } = this.#session.context;
    if (problem[0] === "VECTOR") {
      if (decoded)
        this.#findings.add("document", id, `${JSON.stringify(problem[1])} of its document is not its vector`, {
          field: problem[1],
        });
      return 0;
    }
    // As long as the snapshot is wrong, so is what was looked for by it.
    if (!right) return 0;
    if (problem[0] === "MISSING") {
      const [, key, member] = problem;
      const field = this.#placeOf(key)?.field;
      this.#findings.add(
        "missing-entry",
        id,
        `${JSON.stringify(member)} is not where it should be in ${JSON.stringify(key.slice(layout.internal.length - 1))}`,
        { field, key },
      );
    }
    if (problem[0] !== "UNIQUE") return 0;
    const [, name, holder, rightly] = problem;
    if (rightly === "1") {
      this.#findings.addError("unique", id, duplicate(metadata, id, name, holder));
      return 1;
    }
    const key = layout.uniques.find((slot) => slot.name === name)?.key as string;
    const whose = holder === "" ? "nobody" : JSON.stringify(decodeId(holder));
    this.#findings.add("unique", id, `its value of unique ${name} is held by ${whose}`, { field: name, key });
    return 0;
  }

  async #goOver(typesOnly: boolean): Promise<void> {
    if (this.#mends && typesOnly) await this.#work([], typesOnly);
    for await (const keys of internalKeys(this.#session)) {
      const places = keys.flatMap((key) => this.#placeOf(key) ?? []);
      const chunks = [];
      for (let at = 0; at < places.length; at += keysPerCall) chunks.push(places.slice(at, at + keysPerCall));
      await inFlight(chunks, callsInFlight, (chunk) => this.#work(chunk, typesOnly));
    }
  }

  async #work(places: readonly Place[], typesOnly: boolean): Promise<void> {
    const sets = typesOnly ? [] : places.filter(({ family }) => family === "vectors");
    await this.#send(
      places.filter((place) => !sets.includes(place)),
      typesOnly,
      undefined,
    );
    for (const place of sets) {
      // eslint-disable-next-line no-await-in-loop -- a type has few of them, and each may be long
      const members = await this.#members(place);
      for (let at = 0; at === 0 || at < members.length; at += keysPerCall) {
        // eslint-disable-next-line no-await-in-loop
        await this.#send([place], false, members.slice(at, at + keysPerCall));
      }
    }
  }

  async #members({ key }: Place): Promise<string[]> {
    const size = Number(await this.#session.send({ name: "VCARD", args: [key] }, wrongType));
    // Random ones would cost the server a hundred times as much each.
    if (!(size > 0 && size <= maxListed)) return [];
    const reply = await this.#session.send({ name: "VRANDMEMBER", args: [key, String(maxListed)] }, wrongType);
    return ((reply ?? []) as unknown[]).map(String);
  }

  async #send(places: readonly Place[], typesOnly: boolean, members: readonly string[] | undefined): Promise<void> {
    const { layout, fixedKeys } = this.#session.context;
    let [left, cursor] = [places, "0"];
    do {
      const walks = left.map((place, at) => walkOf(place, at === 0 ? cursor : "0", members));
      const args = [JSON.stringify(walks), typesOnly ? "1" : "0", this.#asked ? "0" : "1"];
      const keys = [...fixedKeys, `${layout.documents}x`, ...left.map(({ key }) => key)];
      // eslint-disable-next-line no-await-in-loop -- each call says where the next begins
      const reply = await this.#session.send({ script: this.#walk, keys, args });
      this.#heed(reply);
      this.#asked = true;
      const [position, next, garbage, events] = reply as WalkReply;
      this.#garbage += garbage;
      if (this.#mends) this.removed += events.length;
      for (const event of events) this.#findings.addEvent(layout, left[event[0] - 1] as Place, event);
      [left, cursor] = [left.slice(position - 1), next];
    } while (left.length > 0);
  }

  #heed(reply: unknown): void {
    const { layout, metadata } = this.#session.context;
    const [code, detail = ""] = reply as [unknown, string?];
    if (code === "STAMP") throw stampError(layout, detail);
    if (code === "NOPERM") {
      throw new CapabilityError(
        `${metadata.name}: the user may not run ${detail}, which repairing the indexes needs; nothing was changed: ` +
          "let the deployment's user call indexes.repair(), or grant the commands listed in the docs",
        { entity: metadata.name },
      );
    }
  }
}

const wrongType = /^WRONGTYPE/;

function noSearchIndex(entity: string): IndexNotReadyError {
  return new IndexNotReadyError(`${entity}: its search index is missing or still being filled; call indexes.sync()`, {
    entity,
  });
}

// A document that does not fit the schema has no entries, so nothing is remembered of it.
function sameSnapshot(stored: string | null, wanted: string | undefined): boolean {
  if (stored === null || wanted === undefined) return stored === (wanted ?? null);
  // The script has looked whether it is JSON.
  return stored === wanted || isDeepStrictEqual(JSON.parse(stored), JSON.parse(wanted));
}

function deadlineIn(body: readonly string[] | string): number | undefined {
  let held: unknown;
  if (typeof body === "string") held = (parseJson(body) as Record<string, unknown> | null)?.["$deadline"];
  else for (let at = 0; at < body.length; at += 2) if (body[at] === "$deadline") held = body[at + 1];
  return held === undefined ? undefined : Number(held);
}
