import { Argument } from "commander";
import { json } from "./io.ts";
import { inferCommand } from "./schema-infer.ts";
import { typesCommand } from "./schema-types.ts";
import type { Verb } from "./verb.ts";

export const schema: Verb = {
  examples: [
    "tidemill schema Sensor > sensor.schema.json",
    "tidemill schema EventSource          # for the YAML language server of an editor",
    "tidemill schema EventBus",
    "tidemill schema infer web/jobs --since 1h > job.schema.yaml",
    "tidemill schema infer --from jobs.jsonl -o json",
    "tidemill schema types job.schema.yaml -o job.d.ts",
  ],
  declare(command, cx) {
    command
      .addArgument(new Argument("KIND", "which kind").choices(["EventSource", "Sensor", "EventBus"]))
      .action(async (kind: "EventSource" | "Sensor" | "EventBus") => {
        const { forEditors, kindSchema } = await import("../manifests/json-schema.ts");
        const { lists } = await import("../manifests/read.ts");
        cx.io.out(json(forEditors(kindSchema(kind, lists))));
      });
    command.addCommand(inferCommand(command.createCommand("infer"), cx));
    command.addCommand(typesCommand(command.createCommand("types"), cx));
  },
};
