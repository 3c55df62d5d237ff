// How much memory a piece of work holds while it goes on: the heap after a collection, looked at four times.
// For comparing few with many; not for one number alone.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** The most bytes that some work held beyond what there was before; it tells of each of so many steps. */
export async function heapGrowth(count: number, work: (step: () => void) => Promise<unknown>): Promise<number> {
  setFlagsFromString("--expose_gc");
  const collect = runInNewContext("gc") as () => void;
  let [steps, most] = [0, 0];
  collect();
  const before = process.memoryUsage().heapUsed;
  await work(() => {
    steps += 1;
    if (steps % (count / 4) !== 0) return;
    collect();
    most = Math.max(most, process.memoryUsage().heapUsed - before);
  });
  if (steps !== count) throw new TypeError(`${steps} steps instead of ${count}`);
  return most;
}
