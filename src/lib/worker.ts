import { Worker, type WorkerOptions } from "node:worker_threads";
import { sibling } from "./sibling.ts";

/**
 * Starts the module beside this one as a worker thread: the only way to do so, because its path ends otherwise in the
 * package than in the sources. What Node says of its experimental features is no news to anybody.
 */
export function startWorker(importMetaUrl: string, name: string, options: WorkerOptions): Worker {
  return new Worker(sibling(importMetaUrl, name), {
    ...options,
    execArgv: ["--disable-warning=ExperimentalWarning", ...(options.execArgv ?? [])],
  });
}
