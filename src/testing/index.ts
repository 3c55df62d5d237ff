// The published entry of the testing room: a real server for tests, and the matrix of servers to test on.
// Explicit names only; everything else in this folder is an inner part.
export type { Flavour } from "./artefacts.ts";
export type { ServerSource } from "./candidates.ts";
export { matrix, type Leg } from "./matrix.ts";
export { startServer, type ServerNeeds, type StartOptions, type TestServer } from "./server.ts";
