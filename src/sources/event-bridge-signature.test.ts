import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import { expect, test } from "vitest";
import { isSignedWith, readClaim } from "./event-bridge-signature.ts";

/** The keys, the time and the scope of AWS's published test suite of Signature Version 4. */
const secretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const nowMs = Date.parse("2015-08-30T12:36:00Z");
const credential = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
const rules = { service: "service", nowMs };

interface Vector {
  readonly name: string;
  readonly method?: string;
  readonly query?: string;
  readonly headers?: readonly string[];
  readonly signed?: string;
  readonly body?: string;
  readonly signature: string;
}

const vectors: readonly Vector[] = [
  { name: "get-vanilla", signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
  {
    name: "post-vanilla",
    method: "POST",
    signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
  },
  {
    name: "get-vanilla-query-order-key-case",
    query: "Param2=value2&Param1=value1",
    signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  },
  {
    name: "get-header-value-trim",
    headers: ["My-Header1", " value1", "My-Header2", ' "a   b   c"'],
    signed: "host;my-header1;my-header2;x-amz-date",
    signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
  },
  {
    name: "get-header-key-duplicate",
    headers: ["My-Header1", "value2", "My-Header1", "value2", "My-Header1", "value1"],
    signed: "host;my-header1;x-amz-date",
    signature: "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
  },
  {
    name: "post-x-www-form-urlencoded",
    method: "POST",
    headers: ["Content-Type", "application/x-www-form-urlencoded"],
    signed: "content-type;host;x-amz-date",
    body: "Param1=value1",
    signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
  },
];

const dated = ["Host", "example.amazonaws.com", "X-Amz-Date", "20150830T123600Z"];

function requestOf({ method = "GET", query = "", headers = [], signed = "host;x-amz-date", ...rest }: Vector) {
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signed}, Signature=${rest.signature}`;
  const rawHeaders = [...dated, ...headers, "Authorization", authorization];
  return { method, path: "/", query, rawHeaders, body: Buffer.from(rest.body ?? "") };
}

test.each(vectors)("the signature of AWS's own case $name is right, and no other one is", (vector) => {
  const request = requestOf(vector);
  const claim = readClaim(request, rules);
  if ("code" in claim) throw new Error(claim.message);
  expect(claim).toMatchObject({ accessKeyId: "AKIDEXAMPLE", region: "us-east-1" });
  expect(isSignedWith(secretKey, claim, request)).toBe(true);
  expect(isSignedWith(`${secretKey}x`, claim, request)).toBe(false);
  expect(isSignedWith(secretKey, claim, { ...request, body: Buffer.from("other") })).toBe(false);
  expect(isSignedWith(secretKey, claim, { ...request, method: "PUT" })).toBe(false);
  expect(isSignedWith(secretKey, { ...claim, signature: claim.signature.replace(/^./, "0") }, request)).toBe(false);
});

/** What the signer of the AWS SDK wants as its hash function. */
class Sha256 {
  readonly #hash: Hash | Hmac;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = typeof secret === "string" ? secret : Buffer.from((secret ?? []) as Uint8Array);
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", key);
  }
  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
  reset(): void {}
}

test.each(["/", "/events", "/a b/é", "/bus-1/put_events.v1~"])(
  "what the SDK signs for the path %s is recognised",
  async (path) => {
    const signer = new SignatureV4({
      service: "events",
      region: "eu-west-1",
      credentials: { accessKeyId: "k", secretAccessKey: "s" },
      sha256: Sha256,
    });
    const body = '{"Entries":[]}';
    const signed = await signer.sign(
      {
        method: "POST",
        protocol: "http:",
        hostname: "127.0.0.1",
        port: 4010,
        path: encodeURI(path),
        query: { "a b": "c/d", z: ["2", "1"] },
        headers: { host: "127.0.0.1:4010", "x-amz-target": "AWSEvents.PutEvents" },
        body,
      },
      { signingDate: new Date(nowMs) },
    );
    const request = {
      method: "POST",
      path,
      query: "z=2&a%20b=c%2Fd&z=1",
      rawHeaders: Object.entries(signed.headers).flat(),
      body: Buffer.from(body),
    };
    const claim = readClaim(request, { service: "events", nowMs });
    if ("code" in claim) throw new Error(claim.message);
    expect(isSignedWith("s", claim, request)).toBe(true);
  },
);

const plain = requestOf({ name: "", signature: "a".repeat(64) });

function faultOf(authorization: string | undefined, more: readonly string[] = [], atMs = nowMs): unknown {
  const rawHeaders = [...dated, ...more, ...(authorization === undefined ? [] : ["Authorization", authorization])];
  return readClaim({ ...plain, rawHeaders }, { service: "service", nowMs: atMs });
}

function authorization(parts: {
  readonly credential?: string;
  readonly headers?: string;
  readonly signature?: string;
}) {
  const { headers = "host;x-amz-date", signature = "a".repeat(64) } = parts;
  return `AWS4-HMAC-SHA256 Credential=${parts.credential ?? credential}, SignedHeaders=${headers}, Signature=${signature}`;
}

test("what is wrong with a signature is told as AWS tells it", () => {
  const fault = (code: string, message: string) => ({ code, message: expect.stringContaining(message) });
  expect(faultOf(undefined)).toMatchObject(
    fault("MissingAuthenticationTokenException", "Missing Authentication Token"),
  );
  expect(faultOf("Bearer x")).toMatchObject(fault("IncompleteSignatureException", "must begin with AWS4-HMAC-SHA256"));
  expect(faultOf("AWS4-HMAC-SHA256 Credential=a")).toMatchObject(
    fault("IncompleteSignatureException", "requires 'Signature' parameter"),
  );
  expect(faultOf(authorization({ signature: "zz" }))).toMatchObject(fault("IncompleteSignatureException", "64 hex"));
  const of = (scope: string) => faultOf(authorization({ credential: `AKIDEXAMPLE/${scope}` }));
  expect(of("20150830/us-east-1")).toMatchObject(fault("IncompleteSignatureException", "must have the form"));
  expect(of("20150830/us-east-1/service/aws5")).toMatchObject(fault("InvalidSignatureException", "terminator"));
  expect(of("20150830/us-east-1/sqs/aws4_request")).toMatchObject(fault("InvalidSignatureException", "'service'"));
  expect(of("20150829/us-east-1/service/aws4_request")).toMatchObject(fault("InvalidSignatureException", "YYYYMMDD"));
});

test("a clock may be five minutes off, in either direction, and no more", () => {
  const at = (ms: number) => faultOf(authorization({}), [], nowMs + ms);
  expect(at(300_000)).toMatchObject({ accessKeyId: "AKIDEXAMPLE" });
  expect(at(-300_000)).toMatchObject({ accessKeyId: "AKIDEXAMPLE" });
  expect(at(301_000)).toMatchObject({
    code: "InvalidSignatureException",
    message: "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 min.)",
  });
  expect(at(-301_000)).toMatchObject({
    code: "InvalidSignatureException",
    message: expect.stringContaining("Signature not yet current"),
  });
});

test("what decides about a request must be signed, and a presigned one is refused", () => {
  const more = ["X-Amz-Target", "AWSEvents.PutEvents"];
  expect(faultOf(authorization({}), more)).toMatchObject({
    code: "InvalidSignatureException",
    message: "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization.",
  });
  expect(faultOf(authorization({ headers: "x-amz-date" }))).toMatchObject({
    message: expect.stringContaining("'host'"),
  });
  expect(faultOf(authorization({ headers: "host;x-amz-date;nothing" }))).toMatchObject({
    message: "the signed header 'nothing' is not in the request",
  });
  const hashed = ["X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"];
  const headers = "host;x-amz-content-sha256;x-amz-date";
  expect(faultOf(authorization({ headers }), hashed)).toMatchObject({
    message: expect.stringContaining("content SHA256"),
  });
  const query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=aa";
  expect(readClaim({ ...plain, query }, rules)).toMatchObject({
    code: "IncompleteSignatureException",
    message: expect.stringContaining("presigned"),
  });
});
