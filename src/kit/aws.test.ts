import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { TideError } from "../lib/errors.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { awsClientSettings, awsError, isClientFault } from "./aws.ts";
import { createEgress, localPolicy } from "./egress.ts";

const accessKey = { name: "aws", key: "id" };
const secretKey = { name: "aws", key: "secret" };
const sessionToken = { name: "aws", key: "token" };

const context = (secrets: Readonly<Record<string, string>>, clock = new VirtualClock()) => ({
  clock,
  egress: createEgress(localPolicy),
  secret: async ({ name, key }: { readonly name: string; readonly key: string }) => {
    const value = secrets[`${name}/${key}`];
    if (value === undefined) throw new TideError("SECRET_MISSING", `${name}/${key}`);
    return value;
  },
  sdk: <T>(_name: string, load: () => Promise<T>) => load(),
});

const environment = { ...process.env };
afterEach(() => {
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
  Object.assign(process.env, environment);
});

test("without keys or role the SDK's own chain decides", async () => {
  expect(await awsClientSettings({ region: "eu-west-1" }, context({}))).toMatchObject({ region: "eu-west-1" });
  expect(await awsClientSettings({ region: "eu-west-1", endpoint: "http://x" }, context({}))).toMatchObject({
    region: "eu-west-1",
    endpoint: "http://x",
  });
  expect(await awsClientSettings({ region: "eu-west-1" }, context({}))).not.toHaveProperty("credentials");
});

test("keys are read from their secrets, afresh when they are asked for again", async () => {
  const secrets: Record<string, string> = { "aws/id": "A", "aws/secret": "S", "aws/token": "T" };
  const clock = new VirtualClock(0);
  const settings = { region: "r", accessKey, secretKey, sessionToken };
  const { credentials } = await awsClientSettings(settings, context(secrets, clock));
  expect(await credentials?.()).toEqual({
    accessKeyId: "A",
    secretAccessKey: "S",
    sessionToken: "T",
    // the SDK asks again five minutes before: in a minute
    expiration: new Date(360_000),
  });
  secrets["aws/token"] = "T2";
  expect(await credentials?.()).toMatchObject({ sessionToken: "T2" });
});

test("a missing secret is told at once", async () => {
  const settings = { region: "r", accessKey, secretKey };
  await expect(awsClientSettings(settings, context({ "aws/id": "A" }))).rejects.toMatchObject({
    code: "SECRET_MISSING",
  });
});

test("a role is assumed with the credentials of the chain, and wins over keys", async () => {
  const asked: string[] = [];
  const sts = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += String(chunk);
    });
    request.on("end", () => {
      asked.push(`${body} ${request.headers.authorization}`);
      const keys =
        "<AccessKeyId>ROLE</AccessKeyId><SecretAccessKey>RS</SecretAccessKey><SessionToken>RT</SessionToken>";
      const result = `<Credentials>${keys}<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>`;
      response.setHeader("Content-Type", "text/xml");
      response.end(
        `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>${result}</AssumeRoleResult></AssumeRoleResponse>`,
      );
    });
  }).listen(0, "127.0.0.1");
  await once(sts, "listening");
  try {
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${(sts.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: "CHAIN",
      AWS_SECRET_ACCESS_KEY: "chain-secret",
    });
    const roleARN = "arn:aws:iam::000000000000:role/reader";
    const settings = { region: "eu-west-1", roleARN, accessKey, secretKey };
    const { credentials } = await awsClientSettings(settings, context({}));
    expect(await credentials?.()).toEqual({
      accessKeyId: "ROLE",
      secretAccessKey: "RS",
      sessionToken: "RT",
      expiration: new Date("2099-01-01T00:00:00Z"),
    });
    expect(asked).toHaveLength(1);
    expect(asked[0]).toContain(encodeURIComponent(roleARN));
    expect(asked[0]).toContain("RoleSessionName=tidemill");
    expect(asked[0]).toContain("Credential=CHAIN/");
  } finally {
    sts.closeAllConnections();
    await new Promise((closed) => sts.close(closed));
  }
});

test("an AWS error says what was done, its name and its words", () => {
  const missing = Object.assign(new Error("no such queue"), { name: "QueueDoesNotExist", $fault: "client" });
  expect(awsError("finding queue q", missing)).toMatchObject({
    code: "UPSTREAM_GONE",
    message: "finding queue q: QueueDoesNotExist: no such queue",
    cause: missing,
  });
  const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  expect(awsError("receiving", refused)).toMatchObject({ code: "UPSTREAM_FAILED", retry: "backoff" });
  expect(isClientFault(missing)).toBe(true);
  expect(isClientFault(refused)).toBe(false);
  expect(isClientFault(Object.assign(new Error("slow"), { name: "ThrottlingException", $fault: "client" }))).toBe(
    false,
  );
});
