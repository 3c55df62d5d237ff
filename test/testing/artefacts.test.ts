// The table of server builds: well formed, and the right rows for each machine.
import { describe, expect, it } from "vitest";

import { artefacts, recipesFor, type Flavour, type Host } from "../../src/testing/artefacts.ts";

const chosen = (flavour: Flavour, host: Host, modules: boolean): readonly string[] =>
  recipesFor(flavour, host, modules).map((recipe) =>
    [recipe.server.tags.platform, recipe.modules?.tags.platform ?? "no modules"].join(" + "),
  );

describe("the artefact table", () => {
  it("pins every file by a hash of its own", () => {
    const hashes = artefacts.map((artefact) => artefact.sha256);
    expect(new Set(hashes).size).toBe(artefacts.length);
    for (const hash of hashes) expect(hash).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("recipesFor", () => {
  const debian: Host = { platform: "linux-x64", glibc: 36 };
  const old: Host = { platform: "linux-x64", glibc: 31 };
  const musl: Host = { platform: "linux-x64", glibc: undefined };
  const arm: Host = { platform: "linux-arm64", glibc: 36 };
  const mac: Host = { platform: "darwin-arm64", glibc: undefined };

  it("takes one file for server and modules where it runs", () => {
    const file = "manylinux_2_38_x86_64";
    expect(chosen("stack74", debian, true)).toEqual([`${file} + ${file}`]);
    expect(chosen("stack74", debian, false)).toEqual([`${file} + no modules`]);
  });

  it("joins older modules to another server on an older system", () => {
    expect(chosen("stack74", old, true)).toEqual([]);
    expect(chosen("valkey91", old, true)).toEqual(["manylinux_2_28_x86_64 + manylinux_2_31_x86_64"]);
    expect(chosen("redis82", old, true)).toEqual(["manylinux_2_17_x86_64 + manylinux_2_31_x86_64"]);
  });

  it("knows no modules for ARM Linux, but servers", () => {
    expect(chosen("valkey91", arm, true)).toEqual([]);
    expect(chosen("valkey91", arm, false)).toEqual(["manylinux_2_28_aarch64 + no modules"]);
    expect(chosen("redis82", arm, false)).toEqual(["manylinux_2_17_aarch64 + no modules"]);
  });

  it("serves a Mac with one wheel's modules", () => {
    const file = "macosx_14_0_arm64";
    expect(chosen("stack74", mac, true)).toEqual([`${file} + ${file}`]);
    expect(chosen("valkey91", mac, true)).toEqual([`macosx_11_0_arm64 + ${file}`]);
  });

  it("offers nothing where nothing runs", () => {
    const nowhere: Host = { platform: undefined, glibc: undefined };
    for (const host of [musl, nowhere, { platform: "linux-x64", glibc: 17 } as const]) {
      expect(chosen("stack74", host, true)).toEqual([]);
      expect(chosen("valkey91", host, false)).toEqual([]);
    }
    expect(chosen("redis70", debian, false)).toEqual([]);
  });
});
