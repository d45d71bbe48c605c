import { type Command, Option } from "commander";
import type { Address } from "../console/listen.ts";
import { type AdminOptions, withAdmin } from "./admin-options.ts";
import { type EgressOptions, withEgress } from "./egress-options.ts";
import { address, bytes, dataDirOption, durationMs, templateEnvOption } from "./options.ts";
import type { Verb } from "./verb.ts";

/** The options of `run` as commander gives them. */
export interface RunVerbOptions extends AdminOptions, EgressOptions {
  readonly dataDir: string;
  readonly ephemeral?: boolean;
  readonly record?: string;
  readonly metrics: Address | "none";
  readonly listen: string;
  readonly jobs?: "process" | "docker" | "podman";
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly secretsDir?: string;
  readonly templateEnv?: boolean;
  readonly drainTimeout: number;
  readonly watch?: boolean;
  readonly strict?: boolean;
  readonly logFormat?: "pretty" | "ecs";
  readonly logLevel: string;
  readonly logStore?: string;
  readonly busMaxBytes?: number;
  readonly maxEventBytes?: number;
  readonly retention?: number;
  readonly traceSlow: number;
}

const levels = ["trace", "debug", "info", "warn", "error", "fatal"];

export const run: Verb = {
  examples: [
    "tidemill run ./manifests",
    "tidemill run eventsource.yaml sensor.yaml --data-dir /var/lib/tidemill",
    "tidemill run ./manifests --jobs process          # Kubernetes Jobs as local processes",
    "tidemill run ./manifests --jobs docker           # or as containers of their image",
    "tidemill run ./manifests --watch                # edits take effect at once",
    "tidemill run ./manifests --listen 0.0.0.0        # in a container",
  ],
  declare(command, cx) {
    withRunOptions(command.argument("PATH...", "files, folders, globs of manifests")).action(
      async (paths: readonly string[], options: RunVerbOptions) => {
        const { runManifests } = await import("./run-manifests.ts");
        cx.end(await runManifests(paths, options, cx));
      },
    );
  },
};

/** How to run: of `run`, and of `dev`. */
export function withRunOptions(command: Command): Command {
  return withAdmin(withEgress(command))
    .addOption(dataDirOption())
    .option("--ephemeral", "keep everything in memory; nothing survives the process")
    .addOption(
      new Option(
        "--record <URL>",
        "sqlite:PATH, mysql://…, postgres://… or none; <data-dir>/record.sqlite by default",
      ).env("TIDEMILL_RECORD_URL"),
    )
    .addOption(
      new Option("--metrics <HOST:PORT>", "where /metrics, /livez and /readyz listen, or none")
        .default({ host: "127.0.0.1", port: 7777 }, "127.0.0.1:7777")
        .argParser(address),
    )
    .addOption(new Option("--listen <HOST>", "where webhooks listen").env("TIDEMILL_LISTEN").default("127.0.0.1"))
    .addOption(
      new Option(
        "--jobs <HOW>",
        "run Kubernetes Jobs on this machine: as processes, or as containers of their image",
      ).choices(["process", "docker", "podman"]),
    )
    .addOption(
      new Option("--kubeconfig <FILE>", "the cluster for Kubernetes objects; in a pod, its own").env(
        "TIDEMILL_KUBECONFIG",
      ),
    )
    .option("--context <NAME>", "a context of the kubeconfig, which is $KUBECONFIG or ~/.kube/config unless given")
    .option("--secrets-dir <DIR>", "Secrets as files NAME/KEY")
    .addOption(
      new Option("--drain-timeout <DURATION>", "how long the end waits for what is in flight")
        .default(30_000, "30s")
        .argParser(durationMs),
    )
    .addOption(templateEnvOption())
    .option("--watch", "reload when a manifest changes; SIGHUP reloads always")
    .option("--strict", "unknown and misplaced fields are errors")
    .addOption(
      new Option("--log-format <FORMAT>", "pretty on a terminal, ecs otherwise")
        .env("TIDEMILL_LOG_FORMAT")
        .choices(["pretty", "ecs"]),
    )
    .addOption(
      new Option("--log-level <LEVEL>", "least level that is logged")
        .env("TIDEMILL_LOG_LEVEL")
        .choices(levels)
        .default("info"),
    )
    .addOption(
      new Option(
        "--log-store <URL>",
        "ship log lines, and what happens to events, to Elasticsearch or OpenSearch: https://HOST:9200/DATA-STREAM",
      ).env("TIDEMILL_LOG_STORE"),
    )
    .option("--bus-max-bytes <BYTES>", "size of each bus, such as 2Gi; 1Gi by default", bytes)
    .option("--max-event-bytes <BYTES>", "largest event; 1Mi by default", bytes)
    .option(
      "--retention <DURATION>",
      "how long events are kept; 7d on the bus and 30d in the record by default",
      durationMs,
    )
    .addOption(
      new Option("--trace-slow <DURATION>", "export traces with a longer span even if they are not sampled; 0s: none")
        .env("TIDEMILL_TRACE_SLOW")
        .default(1_000, "1s")
        .argParser(durationMs),
    );
}
