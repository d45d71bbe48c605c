import type { Worker } from "node:worker_threads";
import { codeOf, messageOf } from "../../lib/errors.ts";
import { startWorker } from "../../lib/worker.ts";
import { type Gone, type Heard, type Link, readLines, type Spec } from "./link.ts";

/** 6 to 8 MiB were measured, and 20 where Node strips types. */
const mostEmptyMb = 24;

/** How often the memory of a thread that runs is looked at. */
const lookEveryMs = 50;

/**
 * V8's own limit lies above the one that we hold a thread to: at its limit V8 allows 16 MiB more and stops the thread, but
 * a single allocation beyond that, such as a large object growing by one key, ends the whole process (tried with nine
 * kinds of leaks: five did). Up to 2 GB its garbage collector lets garbage grow to what is in use, not more.
 */
function heapLimitMb(memoryLimit: number): number {
  return Math.max(2_000, memoryLimit + 512);
}

/**
 * A thread of this process, ended when its heap and buffers are beyond the limit twice in a row. Native code, and code that
 * calls process.kill, cannot be stopped from harming us.
 */
export function startThread({ setup, memoryLimit, env }: Spec, heard: Heard): Link {
  const worker = startWorker(import.meta.url, "./inside/thread-main", {
    name: "function",
    workerData: { setup },
    env: { ...env },
    stdin: false,
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: heapLimitMb(memoryLimit), maxYoungGenerationSizeMb: 16 },
  });
  worker.unref();
  let how: Gone | undefined;
  const look = watchMemory(worker, memoryLimit, (message) => {
    how ??= { how: "memory", message };
  });
  worker.on("message", (said) => heard.told(said));
  worker.on("messageerror", () => undefined);
  worker.on("error", (error) => {
    const memory = codeOf(error) === "ERR_WORKER_OUT_OF_MEMORY";
    how ??= { how: memory ? "memory" : "error", message: messageOf(error) };
  });
  worker.on("exit", (code) => {
    look.stop();
    heard.gone(how ?? { how: "exit", code });
  });
  readLines(worker.stdout, (line) => heard.said("stdout", line));
  readLines(worker.stderr, (line) => heard.said("stderr", line));
  return {
    post: (asked) => worker.postMessage(asked),
    hold(held) {
      if (held) worker.ref();
      else worker.unref();
      look.hold(held);
    },
    get heavy() {
      return look.heavy;
    },
    end: async () => void (await worker.terminate()),
  };
}

interface MemoryWatch {
  hold(held: boolean): void;
  readonly heavy: boolean;
  stop(): void;
}

/**
 * Looks at the memory of a thread while it has a call, and once after it; also one in an endless loop is interrupted for
 * that. What many short calls leave behind is seen as well.
 */
function watchMemory(worker: Worker, limitMb: number, tooMuch: (message: string) => void): MemoryWatch {
  let timer: NodeJS.Timeout | undefined;
  let usedMb = 0;
  /** What Node, our code and a module without much data take. */
  let emptyMb: number | undefined;
  let held = false;
  let asking = false;
  let beyond = 0;
  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
  };
  const look = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    try {
      const { used_heap_size: heap, external_memory: buffers } = await worker.getHeapStatistics();
      const wholeMb = (heap + buffers) / 2 ** 20;
      emptyMb ??= Math.min(wholeMb, mostEmptyMb);
      usedMb = wholeMb - emptyMb;
      beyond = usedMb > limitMb ? beyond + 1 : 0;
      if (!held) stop();
      else if (beyond >= 2) {
        stop();
        tooMuch(`${Math.round(usedMb)} MiB are in use`);
        await worker.terminate();
      }
    } catch {
      // it has not begun, or is gone
    } finally {
      asking = false;
    }
  };
  return {
    hold(now) {
      held = now;
      timer ??= setInterval(() => void look(), lookEveryMs).unref();
    },
    get heavy() {
      return usedMb > limitMb / 2;
    },
    stop,
  };
}
