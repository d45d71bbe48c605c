import { join } from "node:path";
import { answersHttp } from "./answers.ts";
import type { AwsServer } from "./localstack.ts";
import { madeFolder } from "./recipes.ts";
import { startServer } from "./server.ts";

/**
 * ministack 1.5.33: SQS, SNS, EventBridge, S3; quick. Its SNS signatures are not real (the certificate's URL points
 * outside) and it has no StartMessageMoveTask. All state is in memory: `kill` and `stop` lose it.
 */
export async function startMinistack(): Promise<AwsServer> {
  const server = await startServer({
    name: "ministack",
    command: ({ port }) => ({
      program: join(madeFolder("ministack"), "bin", "ministack"),
      args: [],
      // without BIND_HOST it listens on all interfaces
      env: { BIND_HOST: "127.0.0.1", GATEWAY_PORT: String(port) },
    }),
    answers: (port, signal) => answersHttp(port, "/_ministack/health", signal),
  });
  return Object.assign(server, { endpoint: `http://127.0.0.1:${server.port}` });
}
