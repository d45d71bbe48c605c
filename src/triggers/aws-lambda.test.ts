import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { CreateFunctionCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeWithServer } from "../../test/servers/describe.ts";
import type { AwsServer } from "../../test/servers/localstack.ts";
import { startMinistack } from "../../test/servers/ministack.ts";
import type { Call } from "../kit/trigger.ts";
import { account, awsTrace, batchOf, bytes, keys, type Passed, passTo, secrets, traceparent } from "./aws/trial-aws.ts";
import { awsLambda } from "./aws-lambda.ts";
import { trial } from "./trial.ts";

const program = `
export const handler = async (event) => {
  if (event.fail) throw new TypeError("bad " + event.fail);
  if (Array.isArray(event)) return { batchItemFailures: event.flatMap(({ bad }, at) => bad ? [{ itemIdentifier: at }] : []) };
  return { got: event };
};
`;

describeWithServer("ministack", () => {
  let aws: AwsServer;
  let client: LambdaClient;

  beforeAll(async () => {
    aws = await startMinistack();
    client = new LambdaClient({ ...account, endpoint: aws.endpoint });
    const folder = await mkdtemp(join(tmpdir(), "tidemill-lambda-"));
    try {
      await writeFile(join(folder, "index.mjs"), program);
      await promisify(execFile)("python3", ["-m", "zipfile", "-c", "it.zip", "index.mjs"], { cwd: folder });
      await client.send(
        new CreateFunctionCommand({
          FunctionName: "pack",
          Runtime: "nodejs22.x",
          Role: "arn:aws:iam::000000000000:role/pack",
          Handler: "index.handler",
          Code: { ZipFile: await readFile(join(folder, "it.zip")) },
        }),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
  afterAll(async () => {
    client?.destroy();
    await aws?.[Symbol.asyncDispose]();
  });

  const fire = async (more: object, call: Partial<Call<never, never>>) => {
    const config = { functionName: "pack", region: "us-east-1", endpoint: aws.endpoint, ...keys, ...more };
    await using lambda = await trial(awsLambda, config, { secrets });
    return lambda.fire(call);
  };

  test("a function gets the payload, and its answer is shown", async () => {
    const outcome = await fire({}, { payload: bytes('{"a":1}') });
    expect(outcome).toMatchObject({ status: 200, said: "pack answered" });
    expect(JSON.parse(outcome.body ?? "")).toEqual({ got: { a: 1 } });
  });

  test("a function that throws is a failure with its own error, though Lambda answers 200", async () => {
    await expect(fire({}, { payload: bytes('{"fail":"order"}') })).rejects.toMatchObject({
      code: "LAMBDA_FAILED",
      retry: "backoff",
      message: expect.stringMatching(/^function pack failed \(Unhandled\): .*bad order$/),
    });
  });

  test("the end of its log is in the failure where it is asked for", async () => {
    await expect(fire({ logTail: true }, { payload: bytes('{"fail":"order"}') })).rejects.toMatchObject({
      message: expect.stringMatching(/bad order; its log ends: .*at handler/s),
    });
  });

  test("an invocation can be queued, or only checked", async () => {
    const payload = bytes("{}");
    expect(await fire({ invocationType: "Event" }, { payload })).toEqual({ status: 202, said: "queued by Lambda" });
    expect(await fire({ invocationType: "DryRun" }, { payload })).toEqual({ status: 204, said: "may be invoked" });
  });

  test("the items of a batch that its answer names have failed", async () => {
    const batch = batchOf({}, [
      ["a", '{"n":1}'],
      ["b", '{"bad":true}'],
    ]);
    expect(await fire({}, batch)).toMatchObject({ status: 200, failedItems: [1] });
  });

  test("a function that is not there is told as such", async () => {
    await expect(fire({ functionName: "nobody" }, { payload: bytes("{}") })).rejects.toMatchObject({
      code: "AWS_MISSING",
      message: expect.stringContaining("invoking nobody"),
    });
  });
});

/** What no server here can be made to do: an endpoint that answers as the Invoke API does. */
describe("towards the Invoke API", () => {
  interface Answer {
    readonly status: number;
    readonly body: string;
  }
  const fire = async (answer: Answer, more: object = {}, call: Partial<Call<never, never>> = {}) => {
    const seen: Passed[] = [];
    await using pass = await passTo("http://127.0.0.1:1");
    pass.instead = (asked) => {
      seen.push(asked);
      return answer;
    };
    const config = { functionName: "pack", region: "us-east-1", endpoint: pass.endpoint, ...keys, ...more };
    await using lambda = await trial(awsLambda, config, { secrets });
    const ended = await lambda.fire({ payload: bytes("{}"), ...call }).then(
      (outcome) => ({ outcome, error: undefined }),
      (error: unknown) => ({ outcome: undefined, error }),
    );
    return { ...ended, seen };
  };

  test("the key and the trace go along, and the trace to X-Ray", async () => {
    const context = { traceparent, tracestate: "a=b" };
    const { seen } = await fire(
      { status: 200, body: "null" },
      {},
      { key: "k", trace: { context, span: () => undefined } },
    );
    const headers = seen[0]?.headers ?? {};
    expect(JSON.parse(Buffer.from(String(headers["x-amz-client-context"]), "base64").toString())).toEqual({
      custom: { "idempotency-key": "k", traceparent, tracestate: "a=b" },
    });
    expect(headers["x-amzn-trace-id"]).toBe(awsTrace);
    expect(headers["x-amz-invocation-type"]).toBe("RequestResponse");
    expect(headers["x-amz-log-type"]).toBeUndefined();
    expect(headers.authorization).toContain("Credential=test/");
  });

  test("of an answer the first 4 KiB are kept, and no half character", async () => {
    const { outcome } = await fire({ status: 200, body: `"${"ä".repeat(4000)}"` });
    expect(outcome?.body?.length).toBe(2048);
    expect(outcome?.body).not.toContain("\ufffd");
  });

  test("a batch answer that cannot be read is told as such", async () => {
    const batch = batchOf({}, [["a", "{}"]]);
    const { outcome } = await fire({ status: 200, body: '{"batchItemFailures":[{}]}' }, {}, batch);
    expect(outcome?.failedItems).toBe("unreadable");
    expect((await fire({ status: 200, body: "null" }, {}, batch)).outcome?.failedItems).toEqual([]);
    expect((await fire({ status: 202, body: "" }, { invocationType: "Event" }, batch)).outcome?.failedItems).toEqual(
      [],
    );
  });

  test.each([
    [429, "TooManyRequestsException", "AWS_BUSY"],
    [413, "RequestTooLargeException", "MESSAGE_INVALID"],
    [400, "InvalidRequestContentException", "AWS_REFUSED"],
    [403, "AccessDeniedException", "AWS_DENIED"],
    [404, "ResourceNotFoundException", "AWS_MISSING"],
    [502, "KMSAccessDeniedException", "AWS_DENIED"],
    [500, "ServiceException", "AWS_FAILED"],
  ])("%s %s is %s", async (status, __type, code) => {
    const { error } = await fire({ status, body: JSON.stringify({ __type, message: "so" }) });
    expect(error).toMatchObject({ code });
    expect(String(error)).not.toContain("test-secret-key");
  });

  test("an abort ends the wait for a slow function", async () => {
    const abort = new AbortController();
    await using pass = await passTo("http://127.0.0.1:1");
    let asked = (): void => undefined;
    const there = new Promise<void>((resolve) => (asked = resolve));
    pass.instead = () => {
      asked();
      return { status: 200, body: "never", hold: true };
    };
    const config = { functionName: "pack", region: "us-east-1", endpoint: pass.endpoint, ...keys };
    await using lambda = await trial(awsLambda, config, { secrets });
    const firing = lambda.fire({ payload: bytes("{}"), signal: abort.signal });
    await there;
    abort.abort(new Error("enough"));
    await expect(firing).rejects.toThrow("enough");
  });
});

test("it is shown as it would be sent", async () => {
  const config = awsLambda.config.parse({ functionName: "f", region: "r", payload: [] });
  const shown = awsLambda.render?.({ config, payload: bytes('{"a":1}'), events: new Map() } as never);
  expect(await shown).toEqual({ functionName: "f", invocationType: "RequestResponse", payload: '{"a":1}' });
});
