// The published entry `remora/toolkit`: typed pieces for the patterns people use Redis for, beside entities.
// Each piece is a file of its own and shares nothing with the others but the way to the server.
export type { Attachable } from "../redis/attachment.ts";
export { Kv, kv, type KvGetOptions, type KvOptions, type KvSetOptions } from "./kv.ts";
export type { ValueInputOf, ValueOf } from "../schema/zod.ts";
