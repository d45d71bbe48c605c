import type { PauseAnswer } from "../runtime/change-status.ts";
import { type PausableOptions, pausable, tell } from "./pause.ts";
import { findServer } from "./server.ts";
import type { Verb } from "./verb.ts";

export const resume: Verb = {
  examples: ["tidemill resume source web/orders", "tidemill resume trigger orders/notify"],
  declare(command, { io }) {
    pausable(command).action(async (kind: string, name: string, options: PausableOptions) => {
      const server = await findServer(options);
      const query = { kind, name, namespace: options.namespace };
      tell(await server.post<{ items: PauseAnswer[] }>("/resume", "{}", query), options, io);
    });
  },
};
