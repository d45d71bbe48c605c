import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { testDns } from "../../test/servers/dns.ts";
import { startProxy } from "../../test/servers/proxy.ts";
import { createEgress, type EgressPolicy, localPolicy } from "../kit/egress.ts";
import type { Trigger } from "../kit/trigger.ts";
import { awsLambda } from "./aws-lambda.ts";
import { email } from "./email.ts";
import { eventBridge } from "./event-bridge.ts";
import { failure, fireOnce, trialTargets } from "./http/trial-targets.ts";
import { http } from "./http.ts";
import { slack } from "./slack.ts";
import { sns } from "./sns.ts";
import { sql } from "./sql.ts";
import { sqs } from "./sqs.ts";
import { trial } from "./trial.ts";

const { target, close } = trialTargets();
beforeEach(() => {
  for (const name of ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"]) vi.stubEnv(name, "");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await close();
});

const publicOnly: EgressPolicy = { mode: "public", allow: [] };
const account = { region: "us-east-1", accessKey: { name: "aws", key: "id" }, secretKey: { name: "aws", key: "key" } };
const secrets = { "aws/id": "id", "aws/key": "key", "slack/token": "xoxb", "db/url": "mysql://u:p@169.254.169.254/d" };

/** Each type with the settings that lead it to `host`. */
const leading: readonly (readonly [string, unknown, (host: string) => object])[] = [
  ["http", http, (host) => ({ url: `http://${host}/latest/meta-data/` })],
  ["http over TLS", http, (host) => ({ url: `https://${host}/` })],
  [
    "slack",
    slack,
    (host) => ({ baseUrl: `http://${host}`, slackToken: { name: "slack", key: "token" }, channel: "a", message: "m" }),
  ],
  ["email", email, (host) => ({ host, from: "a@example.org", to: ["b@example.org"], subject: "s", body: "b" })],
  ["email over TLS", email, (host) => ({ host, port: 465, from: "a@example.org", to: ["b@example.org"], body: "b" })],
  ["sql with MySQL", sql, (host) => ({ url: `mysql://u:p@${host}:3306/d`, table: "t", columns: { a: 1 } })],
  ["sql with Postgres", sql, (host) => ({ url: `postgres://u:p@${host}:5432/d`, table: "t", columns: { a: 1 } })],
  [
    "sql with Postgres over TLS",
    sql,
    (host) => ({ url: `postgres://u:p@${host}/d?sslmode=require`, table: "t", columns: { a: 1 } }),
  ],
  ["sqs", sqs, (host) => ({ ...account, endpoint: `http://${host}`, queue: "q" })],
  ["sqs by the URL of its queue", sqs, (host) => ({ ...account, queueUrl: `http://${host}/1/q` })],
  ["sns", sns, (host) => ({ ...account, endpoint: `http://${host}`, topicArn: "arn:aws:sns:us-east-1:1:t" })],
  ["eventBridge", eventBridge, (host) => ({ ...account, endpoint: `https://${host}`, source: "a", detailType: "b" })],
  ["awsLambda", awsLambda, (host) => ({ ...account, endpoint: `http://${host}`, functionName: "f" })],
];

describe.each(leading)("%s", (_name, type, config) => {
  const fire = async (host: string, egress = createEgress(localPolicy)) => {
    await using one = await trial(type as Trigger<unknown, unknown>, config(host), { secrets, egress });
    return await one.fire({ payload: Buffer.from("{}") });
  };

  it("does not go to the metadata of a cloud, and does not try again", async () => {
    expect(await failure(fire("169.254.169.254"))).toMatchObject({ code: "EGRESS_REFUSED", retry: "never" });
  });

  it("does not go to a name that leads there", async () => {
    const dns = testDns({ "a.test": [["93.184.216.34", "169.254.169.254"]] });
    const refused = await failure(fire("a.test", createEgress(localPolicy, {}, dns.resolveAll)));
    expect(refused).toMatchObject({ code: "EGRESS_REFUSED", message: expect.stringContaining("a.test") });
    expect(refused.message).toContain("169.254.169.254");
    expect(dns.asked).toEqual(["a.test"]);
  });

  it("does not go to this machine with `public`, by address or name", async () => {
    const egress = createEgress(publicOnly);
    for (const host of ["127.0.0.1", "localhost"]) {
      expect(await failure(fire(host, egress))).toMatchObject({ code: "EGRESS_REFUSED" });
    }
  });
});

it("an address of a database in a Secret is judged too, and a Unix socket counts as this machine", async () => {
  const config = { table: "t", columns: { a: 1 } };
  await using secret = await trial(sql, { ...config, urlSecret: { name: "db", key: "url" } }, { secrets });
  expect(await failure(secret.fire())).toMatchObject({ code: "EGRESS_REFUSED" });
  const egress = createEgress(publicOnly);
  for (const url of ["mysql://u@localhost/d?socket=/run/none.sock", "postgres://u@localhost/d?socket=/run/none"]) {
    await using socket = await trial(sql, { ...config, url }, { egress });
    expect(await failure(socket.fire())).toMatchObject({ code: "EGRESS_REFUSED" });
  }
});

describe("a redirect", () => {
  it.each([
    "http://169.254.169.254/latest/meta-data/iam/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://2852039166/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://rebind.test/",
    "//169.254.169.254/",
  ])("to %s is not followed", async (location) => {
    const { url, seen } = await target((_, response) => response.writeHead(302, { Location: location }).end());
    const dns = testDns({ "rebind.test": [["169.254.169.254"]] });
    const egress = createEgress(localPolicy, {}, dns.resolveAll);
    expect(await failure(fireOnce({ url }, {}, { egress }))).toMatchObject({ code: "EGRESS_REFUSED", retry: "never" });
    expect(seen).toHaveLength(1);
  });

  it("to what the sensor's list does not have is not followed", async () => {
    const away = await target();
    const home = await target((_, response) => response.writeHead(307, { Location: `${away.url}/x` }).end());
    const allow = [
      { text: home.host, port: Number(home.host.split(":")[1]), range: { bytes: [127, 0, 0, 1], bits: 32 } },
    ];
    expect(
      await failure(fireOnce({ url: home.url }, {}, { egress: createEgress(localPolicy, { allow }) })),
    ).toMatchObject({
      code: "EGRESS_REFUSED",
    });
    expect([home.seen.length, away.seen.length]).toEqual([1, 0]);
  });
});

/** In a network of its own this machine has an address of the internet. */
const apart = ["-rn", "sh", "-c", 'ip link set lo up && ip addr add 93.184.216.34/32 dev lo && exec "$@"', "sh"];
const canBeApart = spawnSync("unshare", [...apart, "true"]).status === 0;

it.skipIf(!canBeApart)(
  "from a public address to this machine is not followed, and one to the public address is",
  () => {
    const code = `
    const { createServer } = await import("node:http");
    const { http } = await import(${JSON.stringify(import.meta.resolve("./http.ts"))});
    const { trial } = await import(${JSON.stringify(import.meta.resolve("./trial.ts"))});
    const serve = (host, answer) => new Promise((resolve) => {
      const server = createServer(answer).listen(0, host, () => resolve("http://" + host + ":" + server.address().port));
    });
    const fire = async (url) => {
      const one = await trial(http, { url });
      return one.fire().then(({ body }) => body, ({ code }) => code);
    };
    const to = (url) => (_, response) => response.writeHead(302, { Location: url }).end();
    const [here, there] = [await serve("127.0.0.1", (_, r) => r.end("here")), await serve("93.184.216.34", (_, r) => r.end("there"))];
    const told = [await serve("93.184.216.34", to(here)), await serve("93.184.216.34", to(there))];
    // by way of a public one from one that is not
    told.push(await serve("127.0.0.1", to(told[0])), await serve("127.0.0.1", to(here)));
    console.log(JSON.stringify(await Promise.all(told.map(fire))));
    process.exit();`;
    const run = spawnSync("unshare", [...apart, process.execPath, "--input-type=module", "-e", code], {
      encoding: "utf8",
    });
    expect(run.stderr).toBe("");
    expect(JSON.parse(run.stdout)).toEqual(["EGRESS_REFUSED", "there", "EGRESS_REFUSED", "here"]);
  },
);

it("a name is judged before a proxy is asked for the way, at a redirect too", async () => {
  await using proxy = await startProxy();
  vi.stubEnv("HTTP_PROXY", proxy.url);
  vi.stubEnv("NO_PROXY", "");
  const { host } = await target((_, response) => response.writeHead(302, { Location: "http://b.test/" }).end());
  const url = `http://${host.replace("127.0.0.1", "a.test")}`;
  const dns = testDns({ "a.test": [["93.184.216.34"]], "b.test": [["169.254.169.254"]] });
  const egress = createEgress(publicOnly, {}, dns.resolveAll);
  expect(await failure(fireOnce({ url }, {}, { egress }))).toMatchObject({ code: "EGRESS_REFUSED" });
  expect(proxy.asked.map((asked) => asked.target)).toEqual([`${url}/`]);
});

it("a role is assumed and credentials are looked for without the guard: no manifest names those addresses", async () => {
  const { url, seen } = await target((_, response) => response.writeHead(404).end());
  const meta = await target((request, response) => {
    if (request.method === "PUT")
      return response.writeHead(200, { "x-aws-ec2-metadata-token-ttl-seconds": "60" }).end("token");
    if (request.url?.endsWith("/security-credentials/")) return response.end("role");
    const Expiration = new Date(Date.now() + 3_600_000).toISOString();
    return response.end(
      JSON.stringify({ Code: "Success", AccessKeyId: "A", SecretAccessKey: "S", Token: "T", Expiration }),
    );
  });
  // the stand-in of the metadata service is on this machine, which the guard would refuse
  vi.stubEnv("AWS_EC2_METADATA_SERVICE_ENDPOINT", meta.url);
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_EC2_METADATA_DISABLED"]) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
  vi.stubEnv("AWS_CONFIG_FILE", "/nowhere");
  const egress = createEgress(publicOnly);
  await using one = await trial(sqs, { region: "us-east-1", endpoint: url, queue: "q" }, { egress });
  expect(await failure(one.fire({ payload: Buffer.from("{}") }))).toMatchObject({ code: "EGRESS_REFUSED" });
  expect([meta.seen.length > 0, seen.length]).toEqual([true, 0]);
});
