import { once } from "node:events";
import { request as forward } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeIdentity } from "../../../examples/stand-in/certificate.ts";
import { describeWithServer } from "../../../test/servers/describe.ts";
import type { AwsServer } from "../../../test/servers/localstack.ts";
import { startMinistack } from "../../../test/servers/ministack.ts";
import { failure, trialTargets } from "../http/trial-targets.ts";
import { artifactTrial } from "./artifact-trial.ts";

const { target, tcp, close } = trialTargets();
afterEach(close);

const keys = { accessKey: { name: "minio", key: "access" }, secretKey: { name: "minio", key: "secret" } };
// pasted with spaces around it: trimmed, as in the peer
const secrets = { "minio/access": " id ", "minio/secret": "secret" };

async function read(s3: object, more: Record<string, string> = {}, signal?: AbortSignal): Promise<unknown> {
  await using one = await artifactTrial({ secrets: { ...secrets, ...more } });
  return await one.read({ s3: { ...keys, ...s3 } }, signal);
}

describeWithServer("ministack", () => {
  let server: AwsServer;
  const bucket = { name: "workflows", key: "jobs/hello world+ü.yaml" };
  const address = () => server.endpoint.replace("http://", "");

  beforeAll(async () => {
    server = await startMinistack();
    const s3 = new S3Client({
      endpoint: server.endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "id", secretAccessKey: "secret" },
      forcePathStyle: true,
    });
    await s3.send(new CreateBucketCommand({ Bucket: bucket.name }));
    const put = (Key: string, Body: string | Uint8Array) =>
      s3.send(new PutObjectCommand({ Bucket: bucket.name, Key, Body }));
    await put(bucket.key, "kind: Job\n");
    await put("large.yaml", `a: ${"x".repeat(1024 * 1024)}`);
    await put("nearly.yaml", `a: ${"x".repeat(1_000_000)}`);
    await put("empty.yaml", Buffer.alloc(0));
    s3.destroy();
  });
  afterAll(() => server.stop());

  describe("the object of a bucket", () => {
    it("comes from an endpoint without scheme, as MinIO's are written", async () => {
      expect(await read({ endpoint: address(), insecure: true, bucket })).toEqual({ kind: "Job" });
    });

    it("comes from an endpoint with scheme, and from any region", async () => {
      expect(await read({ endpoint: server.endpoint, bucket, region: "eu-central-1" })).toEqual({ kind: "Job" });
    });

    it("is whole when it is nearly as large as an object may be", async () => {
      const large = await read({ endpoint: server.endpoint, bucket: { ...bucket, key: "nearly.yaml" } });
      expect(large).toEqual({ a: "x".repeat(1_000_000) });
    });

    it.each([
      ["large.yaml", "ARTIFACT_INVALID", "never"],
      ["empty.yaml", "ARTIFACT_INVALID", "never"],
      ["none.yaml", "ARTIFACT_MISSING", "backoff"],
      ["", "ARTIFACT_UNREADABLE", "never"],
    ])("does not come from %j", async (key, code, retry) => {
      const error = await failure(read({ endpoint: server.endpoint, bucket: { ...bucket, key } }));
      expect(error).toMatchObject({ code, retry });
      expect(error.message).toContain(`s3 workflows/${key}`);
    });

    it("does not come from a bucket that is not there", async () => {
      const absent = { name: "none", key: "x" };
      expect(await failure(read({ endpoint: server.endpoint, bucket: absent }))).toMatchObject({
        code: "ARTIFACT_MISSING",
      });
    });

    it("comes over TLS from whom caCertificate vouches for, which the peer ignores", async () => {
      const identity = await makeIdentity("localhost", new Date());
      const key = identity.privateKey.export({ type: "pkcs8", format: "pem" });
      const front = createServer({ key, cert: identity.certificate }, (request, response) => {
        const { method, url, headers } = request;
        const onward = forward(`${server.endpoint}${url}`, { method, headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        });
        request.pipe(onward);
      }).listen(0, "127.0.0.1");
      await once(front, "listening");
      const endpoint = `localhost:${(front.address() as AddressInfo).port}`;
      try {
        expect(await failure(read({ endpoint, bucket }))).toMatchObject({ code: "ARTIFACT_UNREACHABLE" });
        const caCertificate = { name: "ca", key: "pem" };
        const more = { "ca/pem": identity.certificate };
        expect(await read({ endpoint, bucket, caCertificate }, more)).toEqual({ kind: "Job" });
      } finally {
        front.closeAllConnections();
        front.close();
      }
    });
  });
});

describe("an S3 server", () => {
  const bucket = { name: "b", key: "k.yaml" };

  it("is asked with the bucket in the path, signed with the trimmed key for the region", async () => {
    const { host, seen } = await target((_, response) => response.end("kind: Job"));
    expect(await read({ endpoint: host, insecure: true, bucket, region: "eu-west-3" })).toEqual({ kind: "Job" });
    expect(seen[0]?.method).toBe("GET");
    expect(seen[0]?.url).toBe("/b/k.yaml?x-id=GetObject");
    expect(seen[0]?.headers.join("\n")).toMatch(/Credential=id\/\d+\/eu-west-3\/s3\/aws4_request/);
  });

  it.each([
    ["InvalidAccessKeyId", 403, "ARTIFACT_REFUSED"],
    ["AccessDenied", 403, "ARTIFACT_REFUSED"],
    ["InvalidRequest", 400, "ARTIFACT_UNREADABLE"],
  ])("that says %s gives nothing", async (name, status, code) => {
    const { host } = await target((_, response) => {
      response.writeHead(status, { "content-type": "application/xml" });
      response.end(`<?xml version="1.0"?><Error><Code>${name}</Code><Message>no</Message></Error>`);
    });
    const error = await failure(read({ endpoint: host, insecure: true, bucket }));
    expect(error).toMatchObject({ code, retry: "backoff" });
    expect(error.message).toContain(name);
  });

  it("that is not there is tried again, and its address must be one", async () => {
    const gone = (await target()).host;
    await close();
    expect(await failure(read({ endpoint: gone, insecure: true, bucket }))).toMatchObject({
      code: "ARTIFACT_UNREACHABLE",
    });
    for (const endpoint of ["minio:90009000", "ftp://x", "a b"]) {
      expect(await failure(read({ endpoint, bucket }))).toMatchObject({ code: "ARTIFACT_UNREADABLE", retry: "never" });
    }
  });

  it("whose answer breaks off gives no half object, and none after the firing is given up", async () => {
    const head = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nkind: Job\n";
    const half = await tcp((socket) => void socket.once("data", () => socket.end(head)));
    expect(await failure(read({ endpoint: half, bucket }))).toMatchObject({ code: "ARTIFACT_UNREACHABLE" });
    const stop = new AbortController();
    const silent = await tcp((socket) => void socket.once("data", () => stop.abort(new Error("enough"))));
    await expect(read({ endpoint: silent, bucket }, {}, stop.signal)).rejects.toThrow("enough");
  });
});
