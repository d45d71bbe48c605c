import {
  CreateEventBusCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from "@aws-sdk/client-eventbridge";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { describeWithServer } from "../../test/servers/describe.ts";
import { startLocalstack } from "../../test/servers/localstack.ts";
import { startMinistack } from "../../test/servers/ministack.ts";
import type { Call } from "../kit/trigger.ts";
import { account, awsTrace, batchOf, bytes, keys, type Pass, passTo, secrets } from "./aws/trial-aws.ts";
import { eventBridge } from "./event-bridge.ts";
import { type Trial, trial } from "./trial.ts";

interface Aws extends AsyncDisposable {
  readonly endpoint: string;
}

interface Envelope {
  readonly source: string;
  readonly "detail-type": string;
  readonly detail: unknown;
  readonly resources: readonly string[];
  readonly time: string;
}

const base = { region: "us-east-1", source: "shop.orders", detailType: "placed", ...keys };

/** `timed`: the server heeds an event's own time. */
function suite(start: () => Promise<Aws>, { timed }: { readonly timed: boolean }): void {
  let aws: Aws;
  let bridge: EventBridgeClient;
  let queues: SQSClient;
  let scope: AsyncDisposableStack;
  let pass: Pass;
  let eventBusName = "";
  let url = "";
  let number = 0;

  beforeAll(async () => {
    aws = await start();
    bridge = new EventBridgeClient({ ...account, endpoint: aws.endpoint });
    queues = new SQSClient({ ...account, endpoint: aws.endpoint, useQueueUrlAsEndpoint: false });
  });
  afterAll(async () => {
    bridge?.destroy();
    queues?.destroy();
    await aws?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    scope = new AsyncDisposableStack();
    pass = scope.use(await passTo(aws.endpoint));
    // a bus whose events of this source all go to a queue
    eventBusName = `bus-${++number}`;
    await bridge.send(new CreateEventBusCommand({ Name: eventBusName }));
    const made = await queues.send(new CreateQueueCommand({ QueueName: eventBusName }));
    url = made.QueueUrl ?? "";
    const EventPattern = JSON.stringify({ source: [base.source] });
    await bridge.send(new PutRuleCommand({ Name: "all", EventBusName: eventBusName, EventPattern }));
    const Arn = `arn:aws:sqs:us-east-1:000000000000:${eventBusName}`;
    await bridge.send(
      new PutTargetsCommand({ Rule: "all", EventBusName: eventBusName, Targets: [{ Id: "queue", Arn }] }),
    );
  });
  afterEach(() => scope.disposeAsync());

  const configOf = (more: object) => ({ ...base, eventBusName, endpoint: pass.endpoint, ...more });
  const putter = async (more: object = {}): Promise<Trial> =>
    scope.use(await trial(eventBridge, configOf(more), { secrets }));
  const take = async (count: number): Promise<readonly Envelope[]> => {
    const taken: Envelope[] = [];
    for (let polls = 0; taken.length < count && polls < 20 + count; polls++) {
      const { Messages = [] } = await queues.send(
        new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: 1,
          VisibilityTimeout: 600,
        }),
      );
      taken.push(...Messages.map(({ Body = "" }) => JSON.parse(Body) as Envelope));
    }
    return taken;
  };
  const call = (body: string): Partial<Call<never, never>> => ({ payload: bytes(body) });

  test("an event has the payload as its detail, and the trace in its header", async () => {
    const bus = await putter({ resources: ["order/1"], time: "2026-01-05T09:00:00Z" });
    const { said } = await bus.fire(call('{"a":1}'));
    expect(said).toMatch(/^event [-\w]{20,}$/);
    const [event] = await take(1);
    expect(event).toMatchObject({
      source: "shop.orders",
      "detail-type": "placed",
      detail: { a: 1 },
      resources: ["order/1"],
      ...(timed ? { time: "2026-01-05T09:00:00Z" } : {}),
    });
    expect(JSON.parse(pass.passed[0]?.body ?? "")).toMatchObject({
      Entries: [{ TraceHeader: awsTrace, Detail: '{"a":1}' }],
    });
  });

  test("firings at the same time share requests", async () => {
    const bus = await putter();
    await Promise.all(Array.from({ length: 30 }, (_, n) => bus.fire(call(`{"n":${n}}`))));
    expect(new Set((await take(30)).map(({ detail }) => JSON.stringify(detail))).size).toBe(30);
    expect(pass.passed.map(({ action }) => action)).toEqual(["PutEvents", "PutEvents", "PutEvents"]);
  });

  test("each firing of a batch is an event, and those that failed are named", async () => {
    const bus = await putter();
    const batch = batchOf(configOf({}), [
      ["a", '{"n":1}'],
      ["b", "[]"],
      ["c", '{"n":3}'],
    ]);
    expect(await bus.fire(batch)).toEqual({ said: "sent 2 of 3 messages", failedItems: [1] });
    expect((await take(2)).map(({ detail }) => detail)).toHaveLength(2);
  });
}

describeWithServer("ministack", () => suite(startMinistack, { timed: false }));

describeWithServer("localstack", () => suite(startLocalstack, { timed: true }));

test("an entry that failed is the failure of its own firing", async () => {
  await using pass = await passTo("http://127.0.0.1:1");
  pass.instead = ({ body }) => {
    const { Entries } = JSON.parse(body) as { Entries: readonly { readonly Detail: string }[] };
    const answers = Entries.map(({ Detail }) => {
      const { fail } = JSON.parse(Detail) as { fail?: string };
      return fail === undefined ? { EventId: "e" } : { ErrorCode: fail, ErrorMessage: "no" };
    });
    return { status: 200, body: JSON.stringify({ FailedEntryCount: 1, Entries: answers }) };
  };
  await using bus = await trial(eventBridge, { ...base, endpoint: pass.endpoint }, { secrets });
  const faults = ["ThrottlingException", "InternalFailure", "NotAuthorizedForSourceException", "MalformedDetail"];
  const ends = await Promise.allSettled(
    ["{}", ...faults.map((fail) => JSON.stringify({ fail }))].map((body) => bus.fire({ payload: bytes(body) })),
  );
  expect(ends[0]).toMatchObject({ status: "fulfilled", value: { said: "event e" } });
  const codes = ["AWS_BUSY", "AWS_FAILED", "AWS_DENIED", "AWS_REFUSED"];
  expect(ends.slice(1)).toMatchObject(codes.map((code) => ({ reason: { code } })));
  expect(pass.passed.length).toBe(1);
});

test.each(["[1]", "text", "null"])("a detail that is no JSON object (%s) is never sent", async (body) => {
  await using bus = await trial(eventBridge, { ...base, endpoint: "http://127.0.0.1:1" }, { secrets });
  await expect(bus.fire({ payload: bytes(body) })).rejects.toMatchObject({ code: "MESSAGE_INVALID", retry: "never" });
});

test("it is shown as it would be sent", async () => {
  const config = eventBridge.config.parse({
    ...base,
    eventBusName: "b",
    resources: ["r"],
    time: "2026-01-05T09:00:00Z",
  });
  const shown = eventBridge.render?.({ config, payload: bytes("{}"), events: new Map() } as never);
  expect(await shown).toEqual({
    eventBusName: "b",
    source: "shop.orders",
    detailType: "placed",
    detail: "{}",
    resources: ["r"],
    time: "2026-01-05T09:00:00Z",
  });
});

test("lint finds what cannot work", () => {
  const found = (config: object) =>
    [
      ...(eventBridge.lint?.(eventBridge.config.parse({ region: "r", source: "s", detailType: "d", ...config })) ?? []),
    ].map(({ path }) => path.join("."));
  expect(found({})).toEqual([]);
  expect(found({ source: "aws.mine" })).toEqual(["source"]);
  expect(found({ source: "", detailType: "" })).toEqual(["source", "detailType"]);
  expect(found({ time: "yesterday" })).toEqual(["time"]);
});
