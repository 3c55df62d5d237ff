import { configDefaults, defineConfig } from "vitest/config";

// Tests of these need no server; every other folder under test/ does.
const pure = "test/{schema,codec,query,engines,errors,types,package,cli/infer}/**/*.test.ts";

export default defineConfig({
  // Tests import the package by its public names, as tsconfig.json maps them.
  resolve: { tsconfigPaths: true },
  test: {
    reporters: ["default", "./scripts/summary-reporter.mjs"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: { provider: "v8", include: ["src/**"] },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: [pure],
          typecheck: {
            enabled: true,
            include: ["test/types/**/*.test-d.ts"],
            // By path: the second compiler is installed beside it and has a bin of the same name.
            checker: "./node_modules/typescript/bin/tsc",
            tsconfig: "./tsconfig.json",
          },
        },
      },
      {
        extends: true,
        test: {
          name: "servers",
          include: ["test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, pure],
          globalSetup: ["test/setup/servers.ts"],
        },
      },
    ],
  },
});
