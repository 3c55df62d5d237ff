// The first definition of a process: run in one of its own, where nothing is compiled or warm yet. Prints microseconds.
// Loading the libraries is not part of it.
import { defineCity, defineSchema } from "./definition.ts";

const started = process.hrtime.bigint();
if (process.argv[2] === "raw") defineSchema();
else defineCity();
process.stdout.write(String(Number(process.hrtime.bigint() - started) / 1000));
