import type { AddressInfo } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import { buildApp } from "fauxqs";
import { makeIdentity } from "./certificate.ts";
import { HttpSubscriptions } from "./http-subscriptions.ts";
import { hirePostman, type Undelivered } from "./postman.ts";
import { type Answer, type Form, refused } from "./query.ts";

type App = ReturnType<typeof buildApp>;

const account = "000000000000";
const region = "us-east-1";
const formType = "application/x-www-form-urlencoded";

export interface StandInOptions {
  /** 0 or none: a free one. */
  readonly port?: number;
  /** Names of the queues to make; a name that ends in `.fifo` is a FIFO queue. */
  readonly queues: readonly string[];
  readonly topics: readonly string[];
  /** Pauses between the tries of an SNS delivery over HTTP that is not answered with 2xx. Default: 6 tries in 15 s. */
  readonly retryDelaysMs?: readonly number[];
  /** Told of every message whose tries are used up. */
  readonly onUndelivered?: (letter: Undelivered) => void;
}

/** SNS, SQS (and fauxqs's S3 and GetCallerIdentity) of account 000000000000 in us-east-1, on 127.0.0.1, in memory. */
export interface StandIn extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`: what an AWS client takes as its endpoint. Any credentials will do. */
  readonly endpoint: string;
  queueUrl(name: string): string;
  topicArn(name: string): string;
  stop(): Promise<void>;
}

/**
 * Starts a local AWS for the examples: fauxqs, with an arm of ours that adds what it lacks, SNS over HTTP with
 * confirmation and real signatures. Rejects when the port is taken or a name is not a valid queue or topic name.
 */
export async function startStandIn(options: StandInOptions): Promise<StandIn> {
  const { port = 0, queues, topics, retryDelaysMs = [100, 400, 1_500, 4_000, 9_000] } = options;
  const app = buildApp({ logger: false });
  const endpoint = () => `http://127.0.0.1:${(app.server.address() as AddressInfo | null)?.port ?? port}`;
  const certificatePath = "/SimpleNotificationService-stand-in.pem";
  const identity = await makeIdentity("sns.amazonaws.com", new Date());
  const postman = hirePostman({ retryDelaysMs, onUndelivered: options.onUndelivered ?? (() => undefined) });
  const subscriptions = new HttpSubscriptions({
    endpoint,
    certificateUrl: () => `${endpoint()}${certificatePath}`,
    identity,
    ask: (form) => askFauxqs(app, form),
    post: postman.post,
  });
  addSns(app, subscriptions);
  addSqsRepairs(app, endpoint);
  app.get(certificatePath, (_request, reply) => reply.type("application/x-pem-file").send(identity.certificate));

  const stop = async () => {
    await postman.stop();
    await app.close();
  };
  try {
    await app.listen({ host: "127.0.0.1", port });
    await makeAll(app, { queues, topics });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    endpoint: endpoint(),
    queueUrl: (name) => `${endpoint()}/${account}/${name}`,
    topicArn: (name) => `arn:aws:sns:${region}:${account}:${name}`,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** The Query request that an HTTP request is, if it is one. fauxqs has parsed the form. */
function formOf(request: FastifyRequest): Form | undefined {
  const isForm = request.method === "POST" && request.headers["content-type"]?.includes(formType);
  return isForm ? (request.body as Form) : undefined;
}

/** Requests of the arm itself carry this header, and go by the arm. */
const insideHeader = "x-stand-in-inside";

async function askFauxqs(app: App, form: Readonly<Record<string, string>>): Promise<Answer> {
  const answer = await app.inject({
    method: "POST",
    url: "/",
    headers: { "content-type": formType, [insideHeader]: "1" },
    payload: new URLSearchParams(form).toString(),
  });
  return { status: answer.statusCode, xml: answer.payload };
}

async function askSqs(app: App, action: string, body: object): Promise<void> {
  const answer = await app.inject({
    method: "POST",
    url: "/",
    headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AmazonSQS.${action}` },
    payload: JSON.stringify(body),
  });
  if (answer.statusCode !== 200) throw new Error(`${action}: ${answer.payload}`);
}

/**
 * Hooks before and after fauxqs's own handlers, in its own server: one port, no second hop, and long polls,
 * keep-alive and disconnects stay exactly what fauxqs makes of them.
 */
function addSns(app: App, subscriptions: HttpSubscriptions): void {
  const send = (reply: FastifyReply, { status, xml }: Answer) => reply.status(status).type("text/xml").send(xml);

  // the links in the messages: GET /?Action=ConfirmSubscription&… and Unsubscribe; other GETs are S3's
  app.addHook("onRequest", async (request, reply) => {
    if (request.method !== "GET" || !request.url.startsWith("/?")) return;
    const form: Form = Object.fromEntries(new URLSearchParams(request.url.slice(2)));
    if (form.Action !== "ConfirmSubscription" && form.Action !== "Unsubscribe") return;
    return send(reply, (await subscriptions.before(form)) ?? refused("InvalidParameter", "Invalid parameter: Token"));
  });

  app.addHook("preHandler", async (request, reply) => {
    const form = request.headers[insideHeader] === undefined ? formOf(request) : undefined;
    const answer = form && (await subscriptions.before(form));
    return answer && send(reply, answer);
  });

  app.addHook("onSend", async (request, reply, payload: unknown) => {
    const form = request.headers[insideHeader] === undefined ? formOf(request) : undefined;
    if (form === undefined || reply.statusCode !== 200 || typeof payload !== "string") return payload;
    return subscriptions.after(form, payload);
  });
}

interface Received {
  readonly Messages?: readonly { readonly ReceiptHandle: string }[];
}

/**
 * Two differences to SQS that a client would trip over:
 * fauxqs names queues `http://sqs.us-east-1.localhost:PORT/…`, a host that many machines do not resolve; and a long
 * poll whose client has gone away would still take messages and hide them for the visibility timeout.
 */
function addSqsRepairs(app: App, endpoint: () => string): void {
  app.addHook("onSend", async (request, reply, payload: unknown) => {
    const action = String(request.headers["x-amz-target"] ?? "").replace("AmazonSQS.", "");
    if (typeof payload !== "string" || reply.statusCode !== 200) return payload;
    if (action === "CreateQueue" || action === "GetQueueUrl" || action.startsWith("List")) {
      return payload.replace(/http:\/\/sqs\.[a-z0-9-]+\.localhost(:\d+)?\//g, () => `${endpoint()}/`);
    }
    if (action === "ReceiveMessage" && request.raw.socket.destroyed) {
      const { Messages: messages = [] } = JSON.parse(payload) as Received;
      const { QueueUrl } = request.body as { readonly QueueUrl: string };
      for (const { ReceiptHandle } of messages) {
        await askSqs(app, "ChangeMessageVisibility", { QueueUrl, ReceiptHandle, VisibilityTimeout: 0 });
      }
    }
    return payload;
  });
}

async function makeAll(app: App, { queues, topics }: Pick<StandInOptions, "queues" | "topics">): Promise<void> {
  for (const name of queues) {
    const fifo = name.endsWith(".fifo") ? { Attributes: { FifoQueue: "true" } } : {};
    await askSqs(app, "CreateQueue", { QueueName: name, ...fifo });
  }
  for (const name of topics) {
    const answer = await askFauxqs(app, { Action: "CreateTopic", Name: name });
    if (answer.status !== 200) throw new Error(`CreateTopic ${name}: ${answer.xml}`);
  }
}
