// A program that connects, works and closes; it must then end without being told to.
// Arguments: the server, what to do, and a namespace.
import { connect } from "../../src/index.ts";
import { Plain } from "./entities.ts";

const [url = "", mode = "", namespace = ""] = process.argv.slice(2);
const db = await connect(url, { namespace, engine: "scan", ...(mode === "heartbeat" ? { heartbeat: 50 } : {}) });
const repository = db.repository(Plain);
await repository.save({ id: "a", text: "t" });
await repository.query().all();
await repository.delete("a");
await db.redis.call("DEL", `${namespace}:{plain}$m`);
// Calls still in flight are settled by close as well.
const open = mode === "reject" ? [repository.findById("a"), repository.save({ id: "a", text: "u" })] : [];
const ends = Promise.allSettled(open);
await db.close();
await ends;
process.stdout.write("closed\n");
