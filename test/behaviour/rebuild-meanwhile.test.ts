// While indexes are rebuilt: readers, writers, strangers, a second builder, and builders that stop or die.
// Nobody gets a short answer, and however often the work is begun, what comes out is the same.
import { describe, expect, test } from "vitest";

import { connect, exact, range, text } from "remora";
import { expectFailure } from "./failures.ts";
import { betweenChunks, type Change, entity, expectAsFresh, expectRefused, fill, indexed, item } from "./items.ts";
import { describeMatrix } from "./matrix.ts";

describeMatrix(
  "while indexes are rebuilt",
  (bench) => {
    const [before, after]: [Change, Change] = [
      { index: { title: exact(), note: text() } },
      { index: { size: range(), "place.name": exact(), note: text() }, unique: { slug: ["slug"] } },
    ];

    test("nobody reads or writes", async () => {
      const { namespace } = await fill(bench, before, 260);
      const { repository, raw, db } = await bench.open(item(after), { namespace, synced: false });
      const other = await bench.open(item(after), { namespace, synced: false });
      const attempts: Promise<unknown>[] = [];
      // The rebuild goes on only when these have been answered.
      betweenChunks(db.redis as never, async () => {
        const states = await other.repository.indexes.status();
        attempts.push(Promise.resolve(states.state));
        attempts.push(expectRefused(other).then(() => "refused"));
        await Promise.all(attempts);
      });
      await repository.indexes.sync();
      expect(await Promise.all(attempts)).toEqual(["building", "refused"]);
      expect(await raw("HGET", `${namespace}:{item}$m`, "owner")).toBeNull();
      await expectAsFresh(bench, after, namespace, 260);
    });

    test("a document that a stranger changes between reading and writing is read again", async () => {
      const { namespace } = await fill(bench, before, 60);
      const { repository, raw, db } = await bench.open(item(after), { namespace, synced: false });
      let times = 0;
      betweenChunks(db.redis as never, async () => {
        times += 1;
        const key = repository.key("id 1");
        if (bench.storage !== "hash") await raw("JSON.SET", key, "$.size", "77");
        else await raw("HSET", key, "size", "77");
      });
      await repository.indexes.sync();
      expect(times).toBe(1);
      expect(await repository.query().where("size").eq(77).ids()).toEqual(["id 1"]);
      await repository.save({ ...entity(1) });
      await expectAsFresh(bench, after, namespace, 60);
    });

    test("two processes do the work once", async () => {
      const { namespace } = await fill(bench, before, 260);
      const one = await bench.open(item(after), { namespace, synced: false });
      const two = await bench.open(item(after), { namespace, synced: false });
      const writes = [one, two].map(({ db }) => betweenChunks(db.redis as never, () => Promise.resolve()));
      const statuses = await Promise.all([one.repository.indexes.sync(), two.repository.indexes.sync()]);
      expect(statuses.map(({ state }) => state)).toEqual(["ready", "ready"]);
      expect(writes.filter(({ calls }) => calls > 0)).toHaveLength(1);
      await expectAsFresh(bench, after, namespace, 260);
    });

    describe("and the work is broken off", () => {
      const third: Change = { index: { title: exact(), slug: exact() }, ttl: {} };

      test.each([
        ["taken up by the same definition", after],
        ["taken up by the former one", before],
        ["taken up by a third one", third],
      ])("it is %s", async (_name, last) => {
        const { namespace } = await fill(bench, before, 450);
        const { repository } = await bench.open(item(after), { namespace, synced: false });
        const stop = new AbortController();
        const broken = repository.indexes.sync({ signal: stop.signal, onProgress: () => stop.abort() });
        const error = await expectFailure(broken, "DEADLINE");
        expect(error.message).toContain("item.indexes.sync");
        expect(await repository.indexes.status()).toMatchObject({ state: "building" });
        await expectRefused(await bench.open(item(after), { namespace, synced: false }));
        const { repository: next } = await bench.open(item(last), { namespace, synced: false });
        expect(await next.indexes.sync()).toMatchObject({ state: "ready", documents: 450, faulty: 0 });
        await expectAsFresh(bench, last, namespace, 450);
      });

      test("by a deadline", async () => {
        const { namespace } = await fill(bench, before, 60);
        const { repository } = await bench.open(item(after), { namespace, synced: false });
        await expectFailure(repository.indexes.sync({ deadline: 0 }), "DEADLINE");
        await repository.indexes.sync({ deadline: 60_000 });
        await expectAsFresh(bench, after, namespace, 60);
      });

      test("a process that died is taken over from when its time has passed", async () => {
        const { namespace } = await fill(bench, before, 260);
        const dying = await connect(bench.leg.url, { namespace, engine: bench.engine });
        const { indexes } = dying.repository(item(after)(bench.storage));
        const broken = indexes.sync({ onProgress: () => void dying.close() });
        await expectFailure(broken, "CONNECTION");
        const { repository, raw } = await bench.open(item(after), { namespace, synced: false });
        const meta = `${namespace}:{item}$m`;
        expect(Number(await raw("HGET", meta, "until"))).toBeGreaterThan(Date.now());
        // As long as it may be alive, others wait.
        await expectFailure(repository.indexes.sync({ deadline: 200 }), "DEADLINE");
        await raw("HSET", meta, "until", "1");
        await repository.indexes.sync();
        await expectAsFresh(bench, after, namespace, 260);
      });

      test("a process that was taken over from writes nothing any more", async () => {
        const { namespace } = await fill(bench, before, 260);
        const slow = await bench.open(item(after), { namespace, synced: false });
        const quick = await bench.open(item(third), { namespace, synced: false });
        let state = "";
        betweenChunks(slow.db.redis as never, async () => {
          await quick.raw("HSET", `${namespace}:{item}$m`, "until", "1");
          state = (await quick.repository.indexes.sync()).state;
        });
        // Asked for its own definition, it begins again when the other one is through.
        await slow.repository.indexes.sync();
        expect(state).toBe("ready");
        await expectAsFresh(bench, after, namespace, 260);
      });
    });
  },
  (combination) => indexed(combination) && combination.driver === "ioredis6",
);
