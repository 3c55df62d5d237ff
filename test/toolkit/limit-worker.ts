// One process of many that take from the same limits. Arguments: the server, a namespace, and how often each is asked.
// Prints how much it got of each, as JSON.
import { connect } from "../../src/index.ts";
import { rateLimit } from "../../src/toolkit/index.ts";
import { sharedRules } from "./limit-shared.ts";

const [url = "", namespace = "", times = "1"] = process.argv.slice(2);
await using db = await connect(url, { namespace, deadline: 30_000 });
const got = await Promise.all(
  sharedRules.map(async (rule, at) => {
    const limit = rateLimit(db, `shared${at}`, rule);
    const answers = await Promise.all(Array.from({ length: Number(times) }, () => limit.take("all")));
    return answers.filter(({ allowed }) => allowed).length;
  }),
);
process.stdout.write(JSON.stringify(got));
