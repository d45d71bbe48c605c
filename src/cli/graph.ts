import { Option } from "commander";
import { exit, type Verb } from "./verb.ts";

interface GraphOptions {
  readonly format: "mermaid" | "dot" | "svg";
}

export const graph: Verb = {
  examples: [
    "tidemill graph ./manifests           # as Mermaid, which GitHub shows in Markdown",
    "tidemill graph ./manifests -f svg > flow.svg",
    "tidemill graph ./manifests -f dot | dot -Tpng > flow.png",
  ],
  declare(command, { io, end }) {
    command
      .argument("PATH...", "files, folders, globs")
      .addOption(
        new Option("-f, --format <FORMAT>", "how to draw it").choices(["mermaid", "dot", "svg"]).default("mermaid"),
      )
      .action(async (paths: readonly string[], { format }: GraphOptions) => {
        const { readManifests } = await import("../manifests/read.ts");
        const { sayFindings } = await import("./findings.ts");
        const { graphOf } = await import("../manifests/graph/graph.ts");
        const read = await readManifests(paths);
        const errors = read.findings.filter(({ severity }) => severity === "error");
        const drawn = graphOf(read);
        if (errors.length > 0) {
          io.err(await sayFindings(errors, io.paintErr("red", "x") !== "x"));
          io.err("what has errors is not drawn\n");
        }
        if (drawn.sources.length === 0 && drawn.sensors.length === 0) {
          io.err("error: there is no EventSource and no Sensor to draw\n");
          end(exit.usage);
          return;
        }
        if (format === "svg") io.out((await import("../manifests/graph/svg.ts")).svg(drawn));
        else if (format === "dot") io.out((await import("../manifests/graph/dot.ts")).dot(drawn));
        else io.out((await import("../manifests/graph/mermaid.ts")).mermaid(drawn));
      });
  },
};
