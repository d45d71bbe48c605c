import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Clock } from "../lib/clock.ts";
import { signatureCheck } from "./signature-check.ts";
import type { WebRequest } from "./webhook.ts";
import type { SignatureSettings } from "./webhook-guard-fields.ts";

interface Sent {
  readonly headers: Readonly<Record<string, string>> | readonly string[];
  readonly body: string | Uint8Array;
}

interface Known extends Sent {
  readonly settings: Omit<SignatureSettings, "secrets">;
  readonly secret: string;
  readonly nowS: number;
  readonly deliveryId?: string;
}

/**
 * Where the senders publish an example, that one: GitHub ("Validating webhook deliveries"), Slack ("Verifying requests from
 * Slack"), the reference libraries of Standard Webhooks. Stripe publishes none with its secret: this header was made by its
 * own library (stripe 23.1.0, `webhooks.generateTestHeaderString`). GitLab's signing tokens are Standard Webhooks.
 */
const published: Readonly<Record<string, Known>> = {
  github: {
    settings: { preset: "github" },
    secret: "It's a Secret to Everybody",
    nowS: 0,
    headers: {
      "X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
      "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    },
    body: "Hello, World!",
    deliveryId: '["delivery","github","72d3162e-cc78-11e3-81ab-4c9367dc0958"]',
  },
  slack: {
    settings: { preset: "slack" },
    secret: "8f742231b10e8888abcd99yyyzzz85a5",
    nowS: 1531420618,
    headers: {
      "X-Slack-Request-Timestamp": "1531420618",
      "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    },
    body: "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
  },
  stripe: {
    settings: { preset: "stripe" },
    secret: "whsec_test_secret",
    nowS: 1700000000,
    headers: {
      "Stripe-Signature": "t=1700000000,v1=d95c6b7477fbd7e9f90b1b0ef5f9c7ac25abca5382460e0d988c2b2a5b71b990",
    },
    body: '{"id":"evt_test_webhook","object":"event"}',
    deliveryId: '["delivery","stripe","evt_test_webhook"]',
  },
  "standard webhooks": {
    settings: { preset: "standardWebhooks" },
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    nowS: 1614265330,
    headers: {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    body: '{"test": 2432232314}',
    deliveryId: '["delivery","standardWebhooks","msg_p5jXN8AQM9LWM0D4loKWxJek"]',
  },
  "gitlab's signing token": {
    settings: { preset: "gitlab" },
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    nowS: 1614265330,
    headers: {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
      "X-Gitlab-Token": "something else",
    },
    body: '{"test": 2432232314}',
    deliveryId: '["delivery","gitlab","msg_p5jXN8AQM9LWM0D4loKWxJek"]',
  },
  "gitlab's secret token": {
    settings: { preset: "gitlab" },
    secret: "my very secret tøken",
    nowS: 1614265330,
    headers: {
      "X-Gitlab-Token": Buffer.from("my very secret tøken").toString("latin1"),
      "Idempotency-Key": "f5e5f430-f57b-4e6e-9fac-d9128cd7232f",
    },
    body: "{}",
    deliveryId: '["delivery","gitlab","f5e5f430-f57b-4e6e-9fac-d9128cd7232f"]',
  },
  // RFC 4231, test case 2, and RFC 2202, test case 2
  "an own form": {
    settings: { header: "X-Sig", algorithm: "sha512", prefix: "v=" },
    secret: "Jefe",
    nowS: 0,
    headers: {
      "x-sig":
        "v=164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    },
    body: "what do ya want for nothing?",
  },
  "an own form with SHA-1 in base64": {
    settings: { header: "X-Sig", algorithm: "sha1", encoding: "base64" },
    secret: "Jefe",
    nowS: 0,
    headers: { "x-sig": Buffer.from("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", "hex").toString("base64") },
    body: "what do ya want for nothing?",
  },
};

const refs = (count: number) => Array.from({ length: count }, (_, at) => ({ name: "hook", key: String(at) }));

function clockAt(nowS: number): Clock & { nowS: number } {
  const clock = { nowS, nowMs: () => clock.nowS * 1000, sleep: () => Promise.reject(new Error("nobody sleeps here")) };
  return clock;
}

/** A check with these secrets, and what it makes of a request: a reason, `in` or an answer. */
async function checkOf(settings: Omit<SignatureSettings, "secrets">, secrets: string[], nowS: number) {
  const clock = clockAt(nowS);
  let reads = 0;
  const check = await signatureCheck(
    { ...settings, secrets: refs(secrets.length) },
    {
      clock,
      secret: async ({ key }) => {
        reads += 1;
        return secrets[Number(key)] ?? "";
      },
    },
  );
  const ask = async ({ headers, body }: Sent) => {
    const rawHeaders = Array.isArray(headers) ? headers : Object.entries(headers).flat();
    const head = { method: "POST", rawHeaders, remoteAddress: "192.0.2.1", clientCertificate: () => undefined };
    const early = check.admit(head);
    if (early !== undefined) return early;
    const signal = new AbortController().signal;
    const request: WebRequest = {
      ...{ method: "POST", path: "/", query: "", rawHeaders, remoteAddress: "192.0.2.1", receivedUs: 0, signal },
      body: typeof body === "string" ? Buffer.from(body) : body,
    };
    return check.verify(request);
  };
  return {
    check,
    clock,
    ask,
    secrets,
    reads: () => reads,
    async verdict(sent: Sent): Promise<string> {
      const said = await ask(sent);
      if ("reason" in said) {
        expect(said.answer).toEqual({
          status: 401,
          headers: { "WWW-Authenticate": "Signature" },
          body: "unauthorized\n",
        });
        return said.reason;
      }
      return "status" in said ? `answer ${said.status}` : "in";
    },
  };
}

const cases = Object.entries(published);

describe.each(cases)("%s", (_, known) => {
  const { settings, secret, nowS, headers, body } = known;
  const open = () => checkOf(settings, [secret], nowS);
  const entries = Object.entries(headers as Record<string, string>);
  const isSigned = !(secret.startsWith("my") || secret === "");

  test("the published request is let in, and has its id", async () => {
    const { ask } = await open();
    const said = await ask(known);
    expect("path" in said && said.deliveryId).toBe(known.deliveryId);
    expect("path" in said && said.signal.aborted).toBe(false);
  });

  test("any of several secrets may have signed", async () => {
    const both = await checkOf(settings, ["whsec_b3RoZXI=", secret, "whsec_dGhpcmQ="], nowS);
    expect(await both.verdict(known)).toBe("in");
    const others = await checkOf(settings, ["whsec_b3RoZXI=", "whsec_dGhpcmQ="], nowS);
    expect(await others.verdict(known)).not.toBe("in");
  });

  test("a header that is missing, empty, there twice or far too long lets nobody in", async () => {
    const { verdict } = await open();
    for (const [name, value] of entries) {
      if (["x-github-delivery", "idempotency-key"].includes(name.toLowerCase())) continue;
      if (isSigned && name === "X-Gitlab-Token") continue;
      const rest = Object.fromEntries(entries.filter(([other]) => other !== name));
      expect([name, await verdict({ headers: rest, body })]).not.toContain("in");
      expect([name, await verdict({ headers: { ...rest, [name]: "" }, body })]).not.toContain("in");
      expect([
        name,
        await verdict({ headers: [...Object.entries(rest).flat(), name, value, name, value], body }),
      ]).not.toContain("in");
      expect([name, await verdict({ headers: { ...rest, [name]: value + "x".repeat(10_000) }, body })]).not.toContain(
        "in",
      );
    }
    expect(await verdict({ headers: {}, body })).toBe("headers");
  });

  test("whatever is sent, it is a verdict", async () => {
    const { verdict } = await open();
    const names = fc.constantFrom(...entries.map(([name]) => name), "x-gitlab-token", "Webhook-Id");
    const value = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...entries.map(([, one]) => one)));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(names, value), { maxLength: 8 }), fc.uint8Array(), async (pairs, bytes) => {
        expect(["headers", "timestamp", "signature", "in"]).toContain(
          await verdict({ headers: pairs.flat(), body: bytes }),
        );
      }),
      { numRuns: 150 },
    );
  });

  if (!isSigned) return;

  test("any other bit of the body, or of the signature, lets nobody in", async () => {
    const { verdict } = await open();
    const bytes = Buffer.from(body as string);
    const index = fc.nat({ max: bytes.length * 8 - 1 });
    await fc.assert(
      fc.asyncProperty(index, async (bit) => {
        const other = Buffer.from(bytes);
        other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(await verdict({ headers, body: other })).toBe("signature");
      }),
      { numRuns: 60 },
    );
    const [name, value] = entries.find(([one]) => /sig/i.test(one)) as [string, string];
    const last = value.length - 1;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: last }), fc.nat({ max: 6 }), async (at, bit) => {
        const code = value.charCodeAt(at) ^ (1 << bit);
        const changed = value.slice(0, at) + String.fromCharCode(code) + value.slice(at + 1);
        // hex is read in capitals too, of senders without a preset
        fc.pre(settings.preset !== undefined || changed.toLowerCase() !== value);
        expect(await verdict({ headers: { ...headers, [name]: changed }, body })).not.toBe("in");
      }),
      { numRuns: 200 },
    );
    for (const more of [bytes.subarray(1), Buffer.concat([bytes, Buffer.from("\n")]), Buffer.alloc(0)]) {
      expect(await verdict({ headers, body: more })).toBe("signature");
    }
  });
});

describe("the time of signing", () => {
  test.each(cases.filter(([, { nowS, secret }]) => nowS > 0 && !secret.startsWith("my")))(
    "of %s is five minutes from now at most, in either direction",
    async (_, known) => {
      const one = await checkOf(known.settings, [known.secret], known.nowS);
      for (const [offS, verdict] of [
        [300, "in"],
        [-300, "in"],
        [301, "timestamp"],
        [-301, "timestamp"],
      ] as const) {
        one.clock.nowS = known.nowS + offS;
        expect([offS, await one.verdict(known)]).toEqual([offS, verdict]);
      }
      const strict = await checkOf({ ...known.settings, tolerance: "1s" }, [known.secret], known.nowS + 2);
      expect(await strict.verdict(known)).toBe("timestamp");
    },
  );

  test("is signed: another one is another signature", async () => {
    for (const [, known] of cases) {
      const headers = Object.entries(known.headers as Record<string, string>).map(([name, value]) => [
        name,
        value.replace(String(known.nowS), String(known.nowS + 1)),
      ]);
      if (JSON.stringify(Object.fromEntries(headers)) === JSON.stringify(known.headers)) continue;
      const one = await checkOf(known.settings, [known.secret], known.nowS);
      expect(await one.verdict({ headers: headers.flat(), body: known.body })).toBe("signature");
    }
  });

  test("in a form that is none is a header that is missing", async () => {
    const { settings, secret, nowS, headers, body } = published["standard webhooks"] as Known;
    const { verdict } = await checkOf(settings, [secret], nowS);
    for (const timestamp of ["1614265330.0", "+1614265330", "0x6037bd72", "1e9", "99999999999999999999", "now", "-1"]) {
      expect(await verdict({ headers: { ...headers, "webhook-timestamp": timestamp }, body })).toBe("headers");
    }
  });
});

test("a part of the body cannot be moved into the id or the time", async () => {
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const key = Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64");
  const sign = (text: string) => `v1,${createHmac("sha256", key).update(text).digest("base64")}`;
  // what a customer may have written into an order: it is signed with the rest
  const signature = sign('msg_1.1614265330.{"note":".1700000000.{}"}');
  const { verdict } = await checkOf({ preset: "standardWebhooks" }, [secret], 1700000000);
  const moved = { "webhook-id": 'msg_1.1614265330.{"note":"', "webhook-timestamp": "1700000000" };
  expect(await verdict({ headers: { ...moved, "webhook-signature": signature }, body: '{}"}' })).toBe("headers");
  const own = { header: "x-sig", idHeader: "x-id", timestampHeader: "x-time", signed: "{id}:{timestamp}:{body}" };
  const hex = createHmac("sha256", "s").update("a:1614265330:1700000000:{}").digest("hex");
  const custom = await checkOf(own, ["s"], 1700000000);
  const shifted = { "x-id": "a:1614265330", "x-time": "1700000000", "x-sig": hex };
  expect(await custom.verdict({ headers: shifted, body: "{}" })).toBe("headers");
});

describe("several signatures", () => {
  const second = "1b81b3fe4cd0bcb2cce72935aa881141f71de874f6ae8a56849cdc27542a31b0";
  const first = "d95c6b7477fbd7e9f90b1b0ef5f9c7ac25abca5382460e0d988c2b2a5b71b990";
  const { body } = published.stripe as Known;
  const stripe = (value: string) => ({ headers: { "Stripe-Signature": value }, body });

  test("of Stripe: any v1 counts, and nothing else", async () => {
    const { verdict } = await checkOf({ preset: "stripe" }, ["whsec_second"], 1700000000);
    expect(await verdict(stripe(`t=1700000000,v1=${first},v1=${second}`))).toBe("in");
    expect(await verdict(stripe(`t=1700000000, v1=${second}, v0=${first}`))).toBe("in");
    expect(await verdict(stripe(`t=1700000000,v0=${second},v1=${first}`))).toBe("signature");
    expect(await verdict(stripe(`t=1700000000,v0=${second}`))).toBe("headers");
    expect(await verdict(stripe(`t=1700000000,t=1700000001,v1=${second}`))).toBe("headers");
    expect(await verdict(stripe(`v1=${second}`))).toBe("headers");
    expect(await verdict(stripe(`t=1700000000${`,v1=${first}`.repeat(16)},v1=${second}`))).toBe("headers");
  });

  test("of Standard Webhooks: any v1 counts, v1a is nobody's", async () => {
    const known = published["standard webhooks"] as Known;
    const right = (known.headers as Record<string, string>)["webhook-signature"] as string;
    const { verdict } = await checkOf(known.settings, [known.secret], known.nowS);
    const sent = (value: string) => ({ ...known, headers: { ...known.headers, "webhook-signature": value } });
    expect(await verdict(sent(`v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw== v1,AAAA ${right}`))).toBe("in");
    expect(await verdict(sent(right.replace("v1,", "v1a,")))).toBe("headers");
    expect(await verdict(sent(right.replace("=", "")))).toBe("signature");
  });
});

describe("an own form", () => {
  const settings: SignatureSettings = {
    header: "X-Sig",
    timestampHeader: "X-Time",
    idHeader: "X-Id",
    signed: "ü{id}|{timestamp}|{body}|{id}",
    encoding: "base64url",
    algorithm: "sha1",
  };
  const sign = (id: string, time: string, body: string) =>
    createHmac("sha1", "s").update(`ü${id}|${time}|${body}|${id}`).digest("base64url");

  test.each(["1700000000", "1700000000123", "2023-11-14T22:13:20Z", "2023-11-14T23:13:20.5+01:00"])(
    "knows the time %s",
    async (time) => {
      const { verdict, clock } = await checkOf(settings, ["s"], 1700000000);
      const sent = { headers: { "x-sig": sign("7", time, "€"), "x-time": time, "x-id": "7" }, body: "€" };
      expect(await verdict(sent)).toBe("in");
      clock.nowS += 302;
      expect(await verdict(sent)).toBe("timestamp");
    },
  );

  test("needs the id and the time that it signs, and takes hex in capitals", async () => {
    const { verdict, ask } = await checkOf(settings, ["s"], 1700000000);
    const headers = { "x-sig": sign("7", "1700000000", ""), "x-time": "1700000000", "x-id": "7" };
    const said = await ask({ headers, body: "" });
    expect("path" in said && said.deliveryId).toBe('["delivery","own","7"]');
    for (const name of ["x-sig", "x-time", "x-id"]) {
      expect(await verdict({ headers: { ...headers, [name]: "" }, body: "" })).not.toBe("in");
    }
    expect(await verdict({ headers: { ...headers, "x-time": "2023-11-14" }, body: "" })).toBe("headers");
    const hex = await checkOf({ header: "X-Sig" }, ["s"], 0);
    const capitals = createHmac("sha256", "s").update("a").digest("hex").toUpperCase();
    expect(await hex.verdict({ headers: { "x-sig": capitals }, body: "a" })).toBe("in");
  });
});

describe("secrets", () => {
  const known = published.github as Known;

  test("a new one counts at once, the old one is forgotten within ten seconds", async () => {
    const one = await checkOf(known.settings, ["old"], 100);
    const signed = (secret: string) => ({
      headers: { "X-Hub-Signature-256": `sha256=${createHmac("sha256", secret).update("x").digest("hex")}` },
      body: "x",
    });
    expect(await one.verdict(signed("old"))).toBe("in");
    one.secrets[0] = "new";
    one.clock.nowS += 1;
    expect(await one.verdict(signed("old"))).toBe("in");
    expect(await one.verdict(signed("new"))).toBe("in");
    expect(await one.verdict(signed("old"))).toBe("signature");
    one.secrets[0] = "newer";
    one.clock.nowS += 10;
    expect(await one.verdict(signed("new"))).toBe("signature");
    expect(await one.verdict(signed("newer"))).toBe("in");
  });

  test("forged requests make them be read once a second, not each time", async () => {
    const one = await checkOf(known.settings, ["s"], 100);
    const forged = { headers: { "X-Hub-Signature-256": `sha256=${"0".repeat(64)}` }, body: "x" };
    for (let n = 0; n < 100; n++) expect(await one.verdict(forged)).toBe("signature");
    expect(one.reads()).toBe(1);
    one.clock.nowS += 1;
    await Promise.all(Array.from({ length: 100 }, () => one.verdict(forged)));
    expect(one.reads()).toBe(2);
  });

  test("one that cannot be read any more, or is of no use, leaves the one before", async () => {
    const one = await checkOf(known.settings, [known.secret], 0);
    one.secrets[0] = "";
    one.clock.nowS += 60;
    expect(await one.verdict(known)).toBe("in");
  });

  test.each([
    [{ preset: "github" }, ""],
    [{ preset: "gitlab" }, ""],
    [{ preset: "gitlab" }, "whsec_"],
    [{ preset: "standardWebhooks" }, "whsec_not base64!"],
    [{ preset: "standardWebhooks" }, ""],
  ] as const)("%j does not begin with the secret %j", async (settings, secret) => {
    await expect(checkOf(settings, [secret], 0)).rejects.toMatchObject({ code: "SECRET_UNFIT" });
    await expect(checkOf(settings, [], 0)).rejects.toMatchObject({ code: "FIELD_MISSING" });
  });
});

describe("once", () => {
  test("a signature is its own id, whatever id is named", async () => {
    const { settings, secret, headers, body } = published.github as Known;
    const { ask } = await checkOf({ ...settings, once: true }, [secret], 0);
    const ids = await Promise.all(
      ["a", "b"].map(async (id) => {
        const said = await ask({ headers: { ...headers, "X-GitHub-Delivery": id }, body });
        return "path" in said ? said.deliveryId : undefined;
      }),
    );
    expect(ids[0]).toContain("757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    expect(ids[1]).toBe(ids[0]);
  });
});

describe("Slack's question whether anybody is here", () => {
  const signed = (body: string) => ({
    headers: {
      "X-Slack-Request-Timestamp": "1700000000",
      "X-Slack-Signature": `v0=${createHmac("sha256", "s").update(`v0:1700000000:${body}`).digest("hex")}`,
    },
    body,
  });
  const open = () => checkOf({ preset: "slack" }, ["s"], 1700000000);

  test("is answered when it is signed, and only then", async () => {
    const { ask, verdict } = await open();
    const body =
      '{"token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}';
    expect(await ask(signed(body))).toEqual({
      status: 200,
      body: "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P",
    });
    expect(await verdict({ ...signed("{}"), body })).toBe("signature");
  });

  test("is an event like any other where it asks nothing; an event has its id", async () => {
    const { ask } = await open();
    for (const [body, id] of [
      ['{"type":"url_verification"}', undefined],
      ['{"type":"url_verification","challenge":{"toString":1}}', undefined],
      ['{"type":"event_callback","event_id":"Ev08MFMKH6"}', '["delivery","slack","Ev08MFMKH6"]'],
      ['{"__proto__":{"event_id":"x","type":"url_verification","challenge":"y"}}', undefined],
      ["[]", undefined],
      ["{", undefined],
      [`{"a":${"[".repeat(50_000)}`, undefined],
    ]) {
      const said = await ask(signed(String(body)));
      expect([body, "path" in said && said.deliveryId]).toEqual([body, id]);
    }
  });
});

test("GitLab's token is not in the request that goes on", async () => {
  const { settings, secret, headers, body } = published["gitlab's secret token"] as Known;
  const said = await (await checkOf(settings, [secret], 0)).ask({ headers, body });
  expect("path" in said && said.rawHeaders).toContain("*** Masked Auth Secret ***");
  expect(JSON.stringify(said)).not.toContain("very secret");
});
