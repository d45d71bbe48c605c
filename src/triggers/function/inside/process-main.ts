import type { Asked, Setup, Told } from "../messages.ts";
import { serve } from "./serve.ts";

const setup = JSON.parse(process.argv[2] ?? "{}") as Setup;
process.argv = [process.argv[0] ?? "", setup.module];
// user code may not answer in our place by a name that it can reach
const send = process.send?.bind(process);
// tidemill is gone, and nobody waits for what runs
process.once("disconnect", () => process.exit(1));
await serve(
  {
    post: (told: Told) => void send?.(told),
    listen: (listener) => void process.on("message", (asked) => listener(asked as Asked)),
  },
  setup,
);
