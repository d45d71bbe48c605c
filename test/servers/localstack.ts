import { join } from "node:path";
import { answersHttp } from "./answers.ts";
import { madeFolder } from "./recipes.ts";
import { type Server, startServer } from "./server.ts";

export interface AwsServer extends Server {
  /** What an AWS client takes as its endpoint; any credentials will do. Account 000000000000, us-east-1. */
  readonly endpoint: string;
}

/**
 * LocalStack 4.2.0 in host mode with SQS, SNS, EventBridge and S3. It signs SNS messages (SignatureVersion 1) with a
 * certificate that it serves. All state is in memory: `kill` and `stop` lose it.
 */
export async function startLocalstack(): Promise<AwsServer> {
  const server = await startServer({
    name: "localstack",
    command: ({ port, folder }) => ({
      program: join(madeFolder("localstack"), "bin", "python"),
      args: ["-m", "localstack.runtime.main"],
      env: {
        // with its default server it listens on all interfaces in spite of GATEWAY_LISTEN
        GATEWAY_SERVER: "hypercorn",
        GATEWAY_LISTEN: `127.0.0.1:${port}`,
        // SubscribeURL and the certificate's URL name this host
        LOCALSTACK_HOST: `localhost:${port}`,
        SERVICES: "sns,sqs,events,s3",
        STRICT_SERVICE_LOADING: "1",
        SQS_ENDPOINT_STRATEGY: "path",
        SKIP_SSL_CERT_DOWNLOAD: "1",
        DISABLE_EVENTS: "1",
        DNS_ADDRESS: "0",
        LOCALSTACK_VOLUME_DIR: folder,
        FILESYSTEM_ROOT: folder,
      },
    }),
    answers: (port, signal) => answersHttp(port, "/_localstack/health", signal),
  });
  // the same host as in its URLs, for clients that compare the two
  return Object.assign(server, { endpoint: `http://localhost:${server.port}` });
}
