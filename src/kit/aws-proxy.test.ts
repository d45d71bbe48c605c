import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { GetQueueUrlCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterEach, expect, it, vi } from "vitest";
import { startProxy } from "../../test/servers/proxy.ts";
import { VirtualClock } from "../lib/virtual-clock.ts";
import { awsClientSettings } from "./aws.ts";
import { createEgress, localPolicy } from "./egress.ts";

afterEach(() => vi.unstubAllEnvs());

const cx = {
  clock: new VirtualClock(),
  egress: createEgress(localPolicy),
  secret: async () => "key",
  sdk: <T>(_: string, load: () => Promise<T>): Promise<T> => load(),
};
const keys = { accessKey: { name: "aws", key: "id" }, secretKey: { name: "aws", key: "secret" } };

it("sends a client's requests through the proxy, over a connection that is kept", async () => {
  const server = createServer((_, response) => response.end('{"QueueUrl":"http://sqs.test/1/orders"}'));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await using proxy = await startProxy({ credentials: "ada:pw" });
  vi.stubEnv("HTTP_PROXY", proxy.url);
  vi.stubEnv("NO_PROXY", "");
  const settings = await awsClientSettings({ region: "us-east-1", ...keys, endpoint: `http://sqs.test:${port}` }, cx);
  const client = new SQSClient(settings);
  try {
    for (let i = 0; i < 2; i++) {
      const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: "orders" }));
      expect(QueueUrl).toBe("http://sqs.test/1/orders");
    }
    expect(proxy.asked).toMatchObject([{ method: "CONNECT", target: `sqs.test:${port}` }]);
  } finally {
    client.destroy();
    server.close();
    await once(server, "close");
  }
});
