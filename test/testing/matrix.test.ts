// The test matrix: which servers a run covers, by the setting.
import { afterEach, describe, expect, it, vi } from "vitest";

import { ValidationError } from "../../src/errors.ts";
import { matrix } from "../../src/testing/index.ts";

const names = (setting?: string): readonly string[] => matrix(setting).map((leg) => leg.name);

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("matrix", () => {
  it("is a fast cut when nothing is asked for", () => {
    vi.stubEnv("REMORA_MATRIX", undefined);
    expect(names()).toEqual(["stack74", "redis70"]);
    expect(names("")).toEqual(["stack74", "redis70"]);
  });

  it("reads the environment", () => {
    vi.stubEnv("REMORA_MATRIX", "all");
    expect(names()).toEqual(["redis70", "stack74", "redis82", "valkey91"]);
  });

  it("takes a list, in its order and each leg once", () => {
    expect(names(" valkey91, redis70,,valkey91 ")).toEqual(["valkey91", "redis70"]);
  });

  it("says which legs can search", () => {
    expect(matrix("all").map((leg) => [leg.flavour, leg.search, leg.json])).toEqual([
      ["redis70", false, false],
      ["stack74", true, true],
      ["redis82", true, true],
      ["valkey91", false, false],
    ]);
  });

  it.each(["redis6", "all,redis70", "Stack74"])("refuses %j", (setting) => {
    expect(() => matrix(setting)).toThrow(ValidationError);
  });
});
