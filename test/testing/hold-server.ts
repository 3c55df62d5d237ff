// A process that starts a server, tells its pid and folder, and then ends in the way its argument names.
// Tests watch from outside what becomes of the server.
import { startServer } from "../../src/testing/index.ts";
import { ask } from "../../src/testing/probe.ts";

const server = await startServer({ needs: "plain" });
const [reply] = await ask(server.url, [["CONFIG", "GET", "dir"]]);
process.stdout.write(`${JSON.stringify({ pid: server.pid, folder: Array.isArray(reply) ? reply[1] : "" })}\n`);

switch (process.argv[2]) {
  case "hold":
    // Something that keeps the process alive until it is killed.
    process.stdin.resume();
    break;
  case "throw":
    throw new TypeError("thrown on purpose");
  case "exit":
    process.exit(0);
  default:
  // Falls off the end: a forgotten server must not keep the process alive.
}
