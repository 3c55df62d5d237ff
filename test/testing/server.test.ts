// startServer: what it starts, what it leaves behind, and what it says when it cannot.
import { existsSync } from "node:fs";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { CapabilityError, ConnectionError, ValidationError } from "../../src/errors.ts";
import { startServer, type TestServer } from "../../src/testing/index.ts";
import { ask } from "../../src/testing/probe.ts";
import { describeLegs, legs } from "../setup/legs.ts";

const [leg] = legs();

beforeEach(() => {
  vi.stubEnv("REMORA_REDIS_URL", undefined);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

async function setting(url: string, name: string): Promise<unknown> {
  const [reply] = await ask(url, [["CONFIG", "GET", name]]);
  return Array.isArray(reply) ? reply[1] : reply;
}

const alive = (pid: number | undefined): boolean => {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
};

describeLegs("the running server", {}, ({ url, version, search, json }) => {
  it("is what the setup says it is", async () => {
    const [info, find, read] = await ask(url, [["INFO", "server"], ["FT._LIST"], ["JSON.GET", "absent"]]);
    expect(info).toContain(version);
    expect(Array.isArray(find)).toBe(search);
    expect(read === null).toBe(json);
  });
});

describe.skipIf(leg === undefined)("startServer", () => {
  it("leaves no process and no folder after stop", async () => {
    const server = await startServer({ needs: "plain" });
    const folder = String(await setting(server.url, "dir"));
    expect(alive(server.pid)).toBe(true);
    expect(existsSync(folder)).toBe(true);
    await server.stop();
    expect(alive(server.pid)).toBe(false);
    expect(existsSync(folder)).toBe(false);
    await expect(ask(server.url, [["PING"]])).rejects.toThrow(ConnectionError);
    await server.stop();
  });

  it("is stopped by its dispose symbol", async () => {
    const server = await startServer({ needs: "plain" });
    await server[Symbol.asyncDispose]();
    expect(alive(server.pid)).toBe(false);
  });

  it("stops a server that is frozen, and one that is gone", async () => {
    const [frozen, gone] = await Promise.all([startServer({ needs: "plain" }), startServer({ needs: "plain" })]);
    process.kill(frozen.pid ?? 0, "SIGSTOP");
    process.kill(gone.pid ?? 0, "SIGKILL");
    await Promise.all([frozen.stop(), gone.stop()]);
    expect([alive(frozen.pid), alive(gone.pid)]).toEqual([false, false]);
  });

  it("gives servers started at once a port and a process each", async () => {
    const servers = await Promise.all(Array.from({ length: 4 }, () => startServer({ needs: "plain" })));
    const distinct = (of: (server: TestServer) => unknown): number => new Set(servers.map(of)).size;
    expect([distinct(({ url }) => url), distinct(({ pid }) => pid)]).toEqual([4, 4]);
    await Promise.all(servers.map((server) => server.stop()));
  });

  it("keeps nothing on disk and listens on the loopback address only", async () => {
    const server = await startServer({ needs: "plain" });
    const names = ["save", "appendonly", "bind", "protected-mode"];
    const settings = await Promise.all(names.map((name) => setting(server.url, name)));
    await server.stop();
    expect(settings).toEqual(["", "no", "127.0.0.1", "yes"]);
  });

  it("hands flags to the server", async () => {
    const server = await startServer({ needs: "plain", args: ["--maxmemory", "64mb"] });
    expect(await setting(server.url, "maxmemory")).toBe(String(64 * 1024 * 1024));
    await server.stop();
  });

  it("says why a server does not start, in the server's words", async () => {
    const starting = startServer({ needs: "plain", flavour: leg?.flavour as "redis70", args: ["--no-such-flag"] });
    await expect(starting).rejects.toThrow(CapabilityError);
    await expect(starting).rejects.toThrow("no-such-flag");
  });

  it("tries other ports when one is taken, and gives up when all are", async () => {
    const port = new URL(leg?.url ?? "").port;
    const starting = startServer({ needs: "plain", flavour: leg?.flavour as "redis70", args: ["--port", port] });
    await expect(starting).rejects.toThrow(/address already in use/i);
  });

  it("lists what it tried and what to type", async () => {
    const starting = startServer({ flavour: "redis70", needs: "search" });
    await expect(starting).rejects.toThrow(CapabilityError);
    await expect(starting).rejects.toThrow("export REMORA_REDIS_URL=");
    await expect(starting).rejects.toThrow("docker run");
  });
});

describe.skipIf(leg === undefined)("REMORA_REDIS_URL", () => {
  const given = leg?.url ?? "";

  it("is used, and not stopped", async () => {
    vi.stubEnv("REMORA_REDIS_URL", given);
    const server = await startServer();
    const { flavour, version, search, json } = leg ?? {};
    expect(server).toMatchObject({ url: given, source: "environment", pid: undefined, flavour, version, search, json });
    await server.stop();
    expect(await ask(given, [["PING"]])).toEqual(["PONG"]);
  });

  it("is not used when flags or a flavour are asked for", async () => {
    vi.stubEnv("REMORA_REDIS_URL", given);
    const server = await startServer({ needs: "plain", args: ["--maxmemory", "64mb"] });
    expect(server.source).not.toBe("environment");
    await server.stop();
  });

  it("fails when nothing listens there, without telling the password", async () => {
    vi.stubEnv("REMORA_REDIS_URL", "redis://me:hush@127.0.0.1:1");
    const starting = startServer();
    await expect(starting).rejects.toThrow(ConnectionError);
    await expect(starting).rejects.not.toThrow("hush");
  });

  it("logs in, and fails when the login is refused", async () => {
    const server = await startServer({ needs: "plain" });
    await ask(server.url, [
      ["ACL", "SETUSER", "me", "on", ">hush", "~*", "+@all"],
      ["ACL", "SETUSER", "default", "off"],
    ]);
    const { host } = new URL(server.url);
    vi.stubEnv("REMORA_REDIS_URL", `redis://me:hush@${host}`);
    expect((await startServer()).version).toBe(server.version);
    vi.stubEnv("REMORA_REDIS_URL", `redis://me:wrong@${host}`);
    await expect(startServer()).rejects.toThrow(/refuses us: (NOAUTH|WRONGPASS)/);
    await server.stop();
  });

  it("is refused when it is not an address", async () => {
    vi.stubEnv("REMORA_REDIS_URL", "localhost");
    await expect(startServer()).rejects.toThrow(ValidationError);
  });
});

describeLegs("REMORA_REDIS_URL of a server without search,", { search: false }, ({ url }) => {
  it("is refused where search is needed", async () => {
    vi.stubEnv("REMORA_REDIS_URL", url);
    await expect(startServer({ needs: "search" })).rejects.toThrow(/REMORA_REDIS_URL .* without search/);
    await expect(startServer({ needs: "json" })).rejects.toThrow("without json");
  });
});
