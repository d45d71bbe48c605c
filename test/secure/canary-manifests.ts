import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Canaries } from "./canaries.ts";
import type { Echo } from "./echo.ts";

/** Where the manifests with all canaries in their Secrets lead. */
export interface Places {
  readonly canaries: Canaries & Readonly<Record<"sqlPassword" | "pgPassword", string>>;
  readonly folder: string;
  readonly echo: Echo;
  readonly smtpPort: number;
  readonly hookPort: number;
}

const key = (name: string) => ({ name: "all", key: name });
const aws = (echo: Echo) => ({
  ...{ region: "eu-west-1", endpoint: echo.http },
  ...{ accessKey: key("accessKey"), secretKey: key("secretKey"), sessionToken: key("sessionToken") },
});
const payload = [{ src: { dependencyName: "go", dataKey: "body" }, dest: "body" }];

/** A trigger for each way in which a secret goes out. */
export function templatesOf({ echo, smtpPort }: Places): readonly Record<string, unknown>[] {
  const arn = "arn:aws:sns:eu-west-1:123456789012:t";
  const basicAuth = { username: key("basicUser"), password: key("basicPassword") };
  const secureHeaders = [
    { name: "Authorization", valueFrom: { secretKeyRef: key("bearer") } },
    { name: "X-Of-Environment", valueFrom: { secretKeyRef: { name: "ofenv", key: "token" } } },
  ];
  const mysql = { name: "dsn", key: "mysql" };
  const postgres = { name: "dsn", key: "postgres" };
  const rows = { table: "t", key: "k", columns: { a: "b" }, payload };
  const job = {
    ...{ apiVersion: "batch/v1", kind: "Job", metadata: { generateName: "canary-" } },
    spec: {
      backoffLimit: 0,
      template: {
        spec: {
          restartPolicy: "Never",
          containers: [
            {
              ...{ name: "c", image: "x", command: ["sh", "-c", 'test -n "$TOKEN" && exit 3'] },
              env: [{ name: "TOKEN", valueFrom: { secretKeyRef: key("job") } }],
            },
          ],
        },
      },
    },
  };
  return [
    { name: "basic", http: { url: `${echo.http}/basic`, method: "POST", basicAuth, payload } },
    { name: "bearer", http: { url: `${echo.http}/bearer`, method: "POST", secureHeaders, payload } },
    { name: "refused", http: { url: "http://127.0.0.1:1/x", method: "POST", secureHeaders, payload } },
    { name: "sqs", sqs: { ...aws(echo), queueUrl: `${echo.http}/123456789012/q`, payload } },
    { name: "sns", sns: { ...aws(echo), topicArn: arn, payload } },
    { name: "bridge", eventBridge: { ...aws(echo), source: "s", detailType: "d", payload } },
    { name: "lambda", awsLambda: { ...aws(echo), functionName: "f", payload } },
    { name: "slack", slack: { baseUrl: echo.http, slackToken: key("slack"), channel: "c", message: "m" } },
    {
      name: "email",
      email: {
        ...{ host: "127.0.0.1", port: smtpPort, username: "ada", smtpPassword: key("smtp") },
        ...{ from: "a@example.org", to: ["b@example.org"], subject: "s", body: "b" },
      },
    },
    { name: "mysql", sql: { ...rows, urlSecret: mysql } },
    { name: "postgres", sql: { ...rows, urlSecret: postgres } },
    { name: "fn", function: { module: "./fn.mjs", secretEnv: { TOKEN: key("function") } } },
    { name: "job", k8s: { operation: "create", source: { resource: job } } },
  ];
}

/** Writes them all, and the module of the function; returns the file. */
export async function writeManifests(places: Places): Promise<string> {
  const { canaries, folder, echo, hookPort } = places;
  const metadata = { name: "web" };
  const dependencies = [{ name: "go", eventSourceName: "web", eventName: "go" }];
  const secret = (name: string, data: Record<string, string>) => ({
    ...{ apiVersion: "v1", kind: "Secret", metadata: { name }, stringData: data },
  });
  const address = (scheme: string, password: string) =>
    `${scheme}://ada:${encodeURIComponent(password)}@127.0.0.1:${echo.tcpPort}/shop`;
  const objects = [
    secret("all", canaries),
    secret("dsn", {
      mysql: address("mysql", canaries.sqlPassword),
      postgres: address("postgres", canaries.pgPassword),
    }),
    {
      ...{ apiVersion: "argoproj.io/v1alpha1", kind: "EventSource", metadata },
      spec: {
        webhook: {
          go: { port: String(hookPort), endpoint: "/go", method: "POST", authSecret: key("webhook") },
        },
        sqs: { pull: { ...aws(echo), queue: "q", waitTimeSeconds: 1 } },
        redisStream: { pull: { hostAddress: `127.0.0.1:${echo.tcpPort}`, password: key("redis"), streams: ["s"] } },
      },
    },
    {
      ...{ apiVersion: "argoproj.io/v1alpha1", kind: "Sensor", metadata: { name: "out" } },
      spec: {
        dependencies,
        // the databases do not answer; the others may be slow on a busy machine
        triggers: templatesOf(places).map((template) => ({
          ...{ template, retryStrategy: { steps: 1 } },
          timeout: "sql" in template ? "8s" : "60s",
        })),
        notifications: [
          {
            name: "tell",
            on: ["dead"],
            template: { http: { url: `${echo.http}/always/told`, method: "POST" } },
            fold: false,
          },
        ],
      },
    },
  ];
  await writeFile(
    join(folder, "fn.mjs"),
    `export const handler = async (event, { log, tracer }) => {
  tracer.startActiveSpan("of " + process.env.TOKEN, (span) => {
    span.setAttribute("token", process.env.TOKEN);
    span.end();
  });
  console.log("console", process.env.TOKEN);
  log.info({ token: process.env.TOKEN }, "logged " + process.env.TOKEN);
  if (event.body.fail) throw new Error("thrown with " + process.env.TOKEN);
  return { said: "ok" };
};\n`,
  );
  const file = join(folder, "canary.json.yaml");
  await writeFile(file, objects.map((object) => JSON.stringify(object)).join("\n---\n"));
  return file;
}
