import { Argument } from "commander";
import { json } from "./io.ts";
import type { Verb } from "./verb.ts";

export const schema: Verb = {
  examples: [
    "tidemill schema Sensor > sensor.schema.json",
    "tidemill schema EventSource          # for the YAML language server of an editor",
    "tidemill schema EventBus",
  ],
  declare(command, { io }) {
    command
      .addArgument(new Argument("KIND", "which kind").choices(["EventSource", "Sensor", "EventBus"]))
      .action(async (kind: "EventSource" | "Sensor" | "EventBus") => {
        const { forEditors, kindSchema } = await import("../manifests/json-schema.ts");
        const { lists } = await import("../manifests/read.ts");
        io.out(json(forEditors(kindSchema(kind, lists))));
      });
  },
};
