// The zip reader: what it reads, and that it refuses what is damaged.
import { describe, expect, it } from "vitest";

import { CapabilityError } from "../../src/errors.ts";
import { readZip } from "../../src/testing/zip.ts";
import { makeZip } from "./make-zip.ts";

const files = { "a.txt": "hello ".repeat(1000), "folder/ü.bin": Buffer.from([0, 255, 1]), empty: "" };

async function contents(archive: Buffer): Promise<Record<string, string>> {
  const entries = [...readZip(archive).values()];
  const read = await Promise.all(entries.map(async (entry) => [entry.name, (await entry.read()).toString("hex")]));
  return Object.fromEntries(read) as Record<string, string>;
}

const expected = Object.fromEntries(
  Object.entries(files).map(([name, content]) => [name, Buffer.from(content).toString("hex")]),
);

describe("readZip", () => {
  it("reads deflated files", async () => {
    expect(await contents(makeZip(files))).toEqual(expected);
  });

  it("reads stored files, behind a comment", async () => {
    expect(await contents(makeZip(files, { store: true, comment: "a comment" }))).toEqual(expected);
  });

  it("reads an empty archive", () => {
    expect(readZip(makeZip({})).size).toBe(0);
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["something else", Buffer.from("this is not a zip archive, however long it may be")],
    ["a cut archive", makeZip(files).subarray(0, 100)],
  ])("refuses %s", (_, bytes) => {
    expect(() => readZip(bytes)).toThrow(CapabilityError);
  });

  it("refuses a file whose bytes changed", async () => {
    const archive = makeZip({ "a.txt": "hello" }, { store: true });
    archive.write("jello", archive.indexOf("hello"));
    await expect(readZip(archive).get("a.txt")?.read()).rejects.toThrow("a.txt has a wrong checksum");
  });

  it("refuses a file that unpacks to more than it says", async () => {
    const archive = makeZip({ "a.txt": "x".repeat(10_000) });
    archive.writeUInt32LE(10, archive.lastIndexOf("PK\u0001\u0002") + 24);
    await expect(readZip(archive).get("a.txt")?.read()).rejects.toThrow("a.txt cannot be unpacked");
  });

  it("refuses a packing method it does not know", async () => {
    const archive = makeZip({ "a.txt": "hello" });
    archive.writeUInt16LE(12, archive.lastIndexOf("PK\u0001\u0002") + 10);
    await expect(readZip(archive).get("a.txt")?.read()).rejects.toThrow("unknown method 12");
  });
});
