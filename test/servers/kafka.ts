import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { jarsOf, programPath } from "./recipes.ts";
import { freePort, type Server, startServer } from "./server.ts";

export interface KafkaServer extends Server {
  /** `host:port`. */
  readonly broker: string;
}

/** Any 22 characters of base64url. */
const clusterId = "dGlkZW1pbGwtdGVzdC0wMA";

/** One Apache Kafka 4 node, broker and controller in one (KRaft), without accounts. Topics are made when they are named. */
export async function startKafka(): Promise<KafkaServer> {
  const controller = await freePort();
  const java = (...args: readonly string[]): readonly string[] => [
    ...["-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
    ...["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", jarsOf("kafka"), ...args],
  ];
  const server = await startServer({
    name: "kafka",
    command: async ({ port, folder }) => {
      const file = join(folder, "server.properties");
      await writeFile(file, properties({ port, controller, folder: join(folder, "log") }));
      const format = ["format", "--ignore-formatted", "-t", clusterId, "-c", file];
      await promisify(execFile)(programPath("java"), java("kafka.tools.StorageTool", ...format));
      return { program: programPath("java"), args: java("kafka.Kafka", file) };
    },
    answers: (port, signal) => listens(port, signal),
    readyTimeoutMs: 60_000,
  });
  return Object.assign(server, { broker: `127.0.0.1:${server.port}` });
}

function properties({ port, controller, folder }: { port: number; controller: number; folder: string }): string {
  const settings = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${controller}`,
    "controller.listener.names": "CONTROLLER",
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "log.dirs": folder,
    "num.partitions": 1,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

/** The port opens once the broker can answer; its coordinators may need a moment more. */
function listens(port: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", signal });
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", reject);
  });
}
