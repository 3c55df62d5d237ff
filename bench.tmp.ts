import { Redis } from "ioredis";
import { z } from "zod";
import { connect, defineEntity, vector, exact } from "./src/index.ts";
const dim = 64,
  N = 10000;
const rnd = (() => {
  let s = 12345;
  return () => ((s = (s * 1103515245 + 12345) % 2147483648) / 2147483648) * 2 - 1;
})();
const vec = () => Array.from({ length: dim }, rnd);
for (const [port, engine] of [
  [17821, "search"],
  [17821, "scan"],
] as const) {
  for (const storage of ["hash", "json"] as const) {
    for (const algorithm of ["flat", "hnsw"] as const) {
      const raw = new Redis({ port, protocol: 2 } as never);
      await raw.flushall();
      const db = await connect(`redis://127.0.0.1:${port}`, { engine, deadline: 60000 });
      const Pin = defineEntity({
        name: "pin",
        storage,
        schema: z.object({ id: z.string(), kind: z.string(), at: z.array(z.number()) }),
        index: { kind: exact(), at: vector({ dim, metric: "cosine", algorithm }) },
      });
      const pins = db.repository(Pin);
      await pins.indexes.sync();
      const rows = Array.from({ length: N }, (_, n) => ({ id: `p${n}`, kind: "k" + (n % 10), at: vec() }));
      let t = performance.now();
      const r = await pins.saveMany(rows);
      if (r.failed.length) throw r.failed[0];
      const save = performance.now() - t;
      const qs = Array.from({ length: 60 }, vec);
      const time = async (f: (q: number[]) => Promise<unknown>) => {
        for (const q of qs.slice(0, 10)) await f(q);
        const xs: number[] = [];
        for (const q of qs) {
          const t = performance.now();
          await f(q);
          xs.push(performance.now() - t);
        }
        xs.sort((a, b) => a - b);
        return xs[xs.length >> 1]!;
      };
      const own = await time((to) => pins.query().nearest("at", { to, k: 10 }));
      const filtered = await time((to) => pins.query().where("kind").eq("k3").nearest("at", { to, k: 10 }));
      let rawTime = 0,
        rawDoc = 0,
        rawDist = 0;
      if (engine === "search") {
        const [name] = (await raw.call("FT._LIST")) as string[];
        const info = (await raw.call("FT.INFO", name!)) as unknown[];
        const attr = JSON.stringify(info).match(/"(at_\d)"/)![1];
        const go = (q: number[], ...ret: string[]) =>
          raw.call(
            "FT.SEARCH",
            name!,
            `*=>[KNN 10 @${attr} $b AS d]`,
            "SORTBY",
            "d",
            ...ret,
            "LIMIT",
            "0",
            "10",
            "PARAMS",
            "2",
            "b",
            Buffer.from(Float32Array.from(q).buffer),
            "DIALECT",
            "2",
          );
        rawTime = await time((q) => go(q, "NOCONTENT"));
        rawDist = await time((q) => go(q, "RETURN", "1", "d"));
        rawDoc = await time((q) =>
          go(q, ...(storage === "json" ? ["RETURN", "2", "$", "d"] : ["RETURN", "4", "id", "kind", "at", "d"])),
        );
      }
      console.log(
        port,
        engine,
        storage,
        algorithm,
        "save us/row",
        ((save * 1000) / N).toFixed(0),
        "nearest ms",
        own.toFixed(3),
        "with filter",
        filtered.toFixed(3),
        "raw nocontent",
        rawTime.toFixed(3),
        "raw dist",
        rawDist.toFixed(3),
        "raw docs",
        rawDoc.toFixed(3),
      );
      await db.close();
      raw.disconnect();
    }
  }
}
