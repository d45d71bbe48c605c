#!/usr/bin/env -S MALLOC_ARENA_MAX=1 node --max-semi-space-size=12 --heap-growing-percent=60 --no-parallel-scavenge
// The flags keep the heap near what is in use: without them V8 lets garbage pile up to some 300 MB of anonymous memory
// under load, with them it is half of that at the same rate (docs/decisions/0011-memory.md). One arena of glibc's, in place of
// one for each thread, is 25 MB less at the same rate: what one thread frees, another can have.
//
// Nothing but the check is imported before it: an old Node would stop at syntax it does not know, with a stack trace.
import nodeModule from "node:module";
import v8 from "node:v8";
import { nodeTooOld } from "./node-version.ts";

const tooOld = nodeTooOld(process.version);
if (tooOld === undefined) {
  // While there is one thread: V8 frees compiled WebAssembly code twice once threads come and go, which ends the process
  // (docs/decisions/0024-webassembly-in-threads.md).
  v8.setFlagsFromString("--no-wasm-code-gc");
  // Compiled code is kept between runs, in the system's temporary folder, also for threads and child processes of ours:
  // it halves the time until `run` is ready.
  nodeModule.enableCompileCache();
  const cache = nodeModule.getCompileCacheDir();
  if (cache !== undefined) process.env.NODE_COMPILE_CACHE ??= cache;
  const { main } = await import("./program.ts");
  const { giveBackWhenIdle } = await import("../lib/idle-memory.ts");
  giveBackWhenIdle();
  process.exitCode = await main(process.argv.slice(2));
} else {
  process.stderr.write(`${tooOld}\n`);
  process.exitCode = 2;
}
