import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { KnipConfig } from "knip";

/** Modules that are started by path: `sibling(import.meta.url, "./check-child")`, `startWorker(import.meta.url, "./x", …)`. */
const started = globSync("src/**/*.ts").flatMap((file) =>
  Array.from(
    readFileSync(file, "utf8").matchAll(/\b(?:sibling|startWorker)\(import\.meta\.url, "([^"]+)"/g),
    ([, name = ""]) => `${join(dirname(file), name)}.ts`,
  ),
);

/**
 * `npm run dead`: files, exports and dependencies that nothing uses. An entry is what somebody else starts or imports;
 * all other files must be reached from one. The scripts of package.json, tests and tool configurations are found by knip.
 */
const config: KnipConfig = {
  entry: [
    // what the package exports; its command is a script of package.json
    "src/index.ts",
    "src/expressions/index.ts",
    "src/kit/index.ts",
    "src/kit/function.ts",
    "src/kit/testing.ts",
    "src/load/index.ts",
    ...started,
    // started by path in a test, a manifest (a Job's command) or another process
    "src/**/*-program.ts",
    "examples/orders/{job,service,publish,report,start}.ts",
    "examples/redis-streams/echo.ts",
    "examples/jobs/functions/{ingest,process}.ts",
    "bench/{index,bare-forwarder,kubernetes,languages,load,record,target,tracing}.ts",
    // the benchmark's other processes, started by path
    "bench/peers/{bare-lmdb,fill-bus,redis-client,sqs-client,sqs-stand-in}.ts",
  ],
  project: ["{src,test,examples,bench,scripts}/**/*.ts", "*.ts"],
  // what the full-disk tests mount their small disk with, what builds the program of test/oracle, and what makes networks
  ignoreBinaries: ["mount", "umount", "go", "ip", "unshare"],
  // a type may be exported beside the function that takes it, for whoever wants to name it
  ignoreExportsUsedInFile: { interface: true, type: true },
};

export default config;
