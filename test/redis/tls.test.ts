// TLS: the right authority connects, a wrong one does not, and looking away must be asked for by name.
// Certificates are made for the run; nothing secret is stored.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { connect } from "remora";
import type { TestServer } from "remora/testing";
import { expectFailure } from "../behaviour/failures.ts";
import { Plain } from "./entities.ts";
import { ownServer } from "./own-server.ts";

describe("TLS", () => {
  const folder = mkdtempSync(join(tmpdir(), "remora-tls-"));
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): Buffer => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  let server: TestServer;
  let port: number;

  beforeAll(async () => {
    for (const ca of ["ca", "other"]) {
      openssl(
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        `/CN=${ca}`,
        "-keyout",
        `${ca}.key`,
        "-out",
        `${ca}.crt`,
      );
    }
    openssl(
      "req",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-subj",
      "/CN=localhost",
      "-addext",
      "subjectAltName=DNS:localhost,IP:127.0.0.1",
      "-keyout",
      "server.key",
      "-out",
      "server.csr",
    );
    openssl(
      "x509",
      "-req",
      "-in",
      "server.csr",
      "-CA",
      "ca.crt",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
      "-days",
      "2",
      "-copy_extensions",
      "copy",
      "-out",
      "server.crt",
    );
    port = await freePort();
    server = await ownServer([
      "--tls-port",
      String(port),
      "--tls-cert-file",
      file("server.crt"),
      "--tls-key-file",
      file("server.key"),
      "--tls-ca-cert-file",
      file("ca.crt"),
      "--tls-auth-clients",
      "no",
    ]);
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  test("the right authority connects, by URL and options", async () => {
    const ca = readFileSync(file("ca.crt"));
    const db = await connect({ url: `rediss://127.0.0.1:${port}`, tls: { ca } }, { engine: "scan" });
    const plain = await db.repository(Plain).insert({ text: "over TLS" });
    expect(await db.repository(Plain).findById(plain.id)).toEqual(plain);
    await db.close();
  });

  test("a wrong authority does not", async () => {
    const ca = readFileSync(file("other.crt"));
    await expectFailure(connect({ host: "127.0.0.1", port, tls: { ca } }), "CONNECTION");
  });

  test("not looking at certificates must be asked for by name", async () => {
    const tls = { rejectUnauthorized: false };
    const error = await expectFailure(connect({ host: "127.0.0.1", port, tls }), "CONNECTION");
    expect(error.message).toContain("allowInsecureTls");
    const db = await connect({ host: "127.0.0.1", port, tls, allowInsecureTls: true });
    expect(db.capabilities.server).toBe("redis");
    await db.close();
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
