import { parentPort, workerData } from "node:worker_threads";
import type { Asked, Setup } from "../messages.ts";
import { serve } from "./serve.ts";

const port = parentPort;
if (port === null) throw new Error("this module runs in a thread");
const { setup } = workerData as { readonly setup: Setup };
await serve(
  {
    post: (told) => port.postMessage(told),
    listen: (listener) => void port.on("message", (asked: Asked) => listener(asked)),
  },
  setup,
);
