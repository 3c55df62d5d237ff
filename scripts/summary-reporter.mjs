// Ends every test run with one line, `N passed, N failed, N skipped`, and makes the exit code agree.

export default class SummaryReporter {
  #counts = { passed: 0, failed: 0, skipped: 0 };

  onInit() {
    // Tells scripts/bootstrap.mjs that the line will come from here.
    process.send?.("summary-reporter");
    // At exit, since global teardown may still print, or fail, after the last test.
    process.once("exit", (code) => {
      const { passed, skipped } = this.#counts;
      let { failed } = this.#counts;
      // A run of nothing, and a run that vitest itself calls failed, are failures.
      if (failed === 0 && (code !== 0 || passed === 0)) failed = 1;
      if (failed > 0 && code === 0) process.exitCode = 1;
      process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
    });
  }

  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      // Errors outside of tests: a file that does not load, a hook that throws.
      for (const suite of [module, ...module.children.allSuites()]) {
        if (suite.errors().length > 0) counts.failed += 1;
      }
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        // Pending here means that it never finished.
        counts[state === "pending" ? "failed" : state] += 1;
      }
    }
    this.#counts = counts;
  }
}
