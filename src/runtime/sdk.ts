import { codeOf, TideError } from "../lib/errors.ts";

/** The vendor SDKs that tidemill can use, none of them installed with it: the versions it was tested with. */
const tested: Readonly<Record<string, string>> = {
  "@aws-sdk/client-eventbridge": "^3.1169.0",
  "@aws-sdk/client-lambda": "^3.1162.0",
  "@aws-sdk/client-s3": "^3.1169.0",
  "@aws-sdk/client-sqs": "^3.1169.0",
  "@aws-sdk/client-sns": "^3.1169.0",
  "@aws-sdk/credential-providers": "^3.1169.0",
  "@kubernetes/client-node": "^2.0.1",
  "@opensearch-project/opensearch": "^3.9.0",
  "@opentelemetry/exporter-logs-otlp-grpc": "^0.301.0",
  "@opentelemetry/exporter-logs-otlp-http": "^0.301.0",
  "@opentelemetry/exporter-trace-otlp-grpc": "^0.301.0",
  "@opentelemetry/exporter-trace-otlp-http": "^0.301.0",
  "@opentelemetry/resources": "^3.1.0",
  "@platformatic/kafka": "^2.12.1",
  "@smithy/signature-v4": "^5.7.5",
  ioredis: "^6.0.0",
  "json-schema-to-typescript": "^16.0.0",
  mysql2: "^3.24.5",
  nodemailer: "^10.6.0",
  pg: "^8.23.1",
};

/** Loads an SDK when a manifest first uses it; says how to install it when it is not there. */
export async function loadSdk<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if (codeOf(cause) !== "ERR_MODULE_NOT_FOUND") throw cause;
    const version = tested[name];
    throw new TideError(
      "SDK_MISSING",
      `${name} is not installed: npm install ${name}${version === undefined ? "" : `@${version}`}`,
      { cause },
    );
  }
}
