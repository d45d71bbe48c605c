import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { describeWithServer } from "../../test/servers/describe.ts";
import { madeFolder } from "../../test/servers/recipes.ts";
import { freePort } from "../../test/servers/server.ts";
import { dataOf, trial } from "../kit/testing.ts";
import { silentLog } from "../lib/log.ts";
import { eventBridge } from "../sources/event-bridge.ts";
import { createListeners } from "./listeners.ts";

/** Calls the API as its arguments say, and prints what came of each call. */
const script = `
import boto3, datetime, json, sys
from botocore.config import Config
from botocore.exceptions import ClientError
endpoint, secret = sys.argv[1:]
events = boto3.client("events", endpoint_url=endpoint, region_name="us-east-1",
    aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key=secret, config=Config(retries={"max_attempts": 2}))
job = {"Source": "jobs", "DetailType": "job", "Detail": json.dumps({"n": "\\u00e9 \\u4f60"}, ensure_ascii=False)}
at = datetime.datetime(2026, 1, 5, 9, 0, tzinfo=datetime.timezone.utc)
def call(entries):
    try:
        answer = events.put_events(Entries=entries)
        return {"failed": answer["FailedEntryCount"], "entries": answer["Entries"]}
    except ClientError as error:
        return {"error": error.response["Error"]["Code"], "status": error.response["ResponseMetadata"]["HTTPStatusCode"]}
print(json.dumps([
    call([{**job, "Time": at, "Resources": ["arn:aws:x"]}, {**job, "Detail": "nothing"}]),
    call([job] * 11),
]))
`;

const run = promisify(execFile);

// the one Python on the machine that has boto3 for certain
describeWithServer("localstack", () => {
  test("boto3 puts events, and understands all answers", async () => {
    await using stack = new AsyncDisposableStack();
    const http = stack.use(createListeners({ log: silentLog }));
    const port = await freePort();
    const keys = { accessKey: { name: "aws", key: "id" }, secretKey: { name: "aws", key: "secret" } };
    const secrets = { "aws/id": "AKIDEXAMPLE", "aws/secret": "word-of-the-secret-key" };
    const source = stack.use(trial(eventBridge, { port: String(port), ...keys }, { http, secrets }));
    await source.ready();
    const python = join(madeFolder("localstack"), "bin", "python");
    const call = async (secret: string): Promise<unknown> => {
      const { stdout } = await run(python, ["-c", script, `http://127.0.0.1:${port}`, secret], { timeout: 60_000 });
      return JSON.parse(stdout);
    };
    expect(await call(secrets["aws/secret"])).toEqual([
      {
        failed: 1,
        entries: [
          { EventId: expect.stringMatching(/^[\da-f-]{36}$/) },
          { ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed." },
        ],
      },
      { error: "ValidationException", status: 400 },
    ]);
    expect(dataOf(await source.next()).json).toMatchObject({
      time: "2026-01-05T09:00:00Z",
      resources: ["arn:aws:x"],
      detail: { n: "é 你" },
    });
    expect(await call("wrong")).toEqual(Array(2).fill({ error: "InvalidSignatureException", status: 403 }));
    expect(source.taken.length).toBe(1);
  });
});
