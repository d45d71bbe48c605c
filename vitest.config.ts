import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "examples/**/*.test.ts"],
    isolate: false,
    pool: "forks",
    maxWorkers: 2,
    // V8 frees compiled WebAssembly code twice once threads come and go (docs/decisions/0024-webassembly-in-threads.md)
    execArgv: ["--no-wasm-code-gc"],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    reporters: ["default", "./scripts/plain-reporter.ts"],
  },
});
