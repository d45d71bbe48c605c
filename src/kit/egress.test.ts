import { describe, expect, it } from "vitest";
import { testDns } from "../../test/servers/dns.ts";
import { type AllowRule, parseAllow } from "../lib/egress-rules.ts";
import type { TideError } from "../lib/errors.ts";
import { createEgress, type EgressOwner, type EgressPolicy, localPolicy, refusedAsWritten } from "./egress.ts";

function rules(...texts: readonly string[]): readonly AllowRule[] {
  return texts.map((text) => {
    const rule = parseAllow(text);
    if ("problem" in rule) throw new Error(rule.problem);
    return rule;
  });
}

const publicOnly: EgressPolicy = { mode: "public", allow: [] };

/** The addresses that are left of what DNS answered, or the refusal. */
async function asked(
  answers: readonly string[],
  guard: { policy?: EgressPolicy; owner?: EgressOwner; host?: string; port?: number } = {},
): Promise<readonly string[] | string> {
  const { policy = localPolicy, owner = {}, host = "a.test", port = 443 } = guard;
  const egress = createEgress(policy, owner, testDns({ [host]: [answers] }).resolveAll);
  try {
    return (await egress.resolve(host, port)).map(({ address }) => address);
  } catch (error) {
    expect(error).toMatchObject({ code: "EGRESS_REFUSED", id: "TM4014", retry: "never" });
    return (error as TideError).message;
  }
}

describe("addresses that a name resolves to", () => {
  it("pass where they are public, private or loopback, as it comes", async () => {
    for (const address of ["93.184.216.34", "10.0.0.1", "127.0.0.1", "::1", "fd00::1"]) {
      expect(await asked([address])).toEqual([address]);
    }
  });

  it("of the link are never connected to, whatever is allowed", async () => {
    const everything = rules("*", "a.test", "0.0.0.0/0", "::/0");
    for (const address of ["169.254.169.254", "fe80::1", "100.100.100.200", "0.0.0.0", "fd00:ec2::254"]) {
      for (const guard of [
        {},
        { policy: { mode: "local", allow: everything } as const },
        { policy: { mode: "public", allow: everything } as const },
        { owner: { allow: everything } },
        { owner: { allow: everything, steered: "event" as const } },
      ]) {
        expect(await asked([address], guard)).toContain("never connected to");
      }
    }
  });

  it("are all refused where one of them is never connected to", async () => {
    expect(await asked(["93.184.216.34", "169.254.169.254"])).toBe(
      "no connection to a.test:443 (169.254.169.254): 169.254.0.0/16 (link-local, metadata of clouds) is never connected to",
    );
  });

  it("are refused with `public` where they are not public, and the others stay", async () => {
    expect(await asked(["10.0.0.1"], { policy: publicOnly })).toBe(
      "no connection to a.test:443 (10.0.0.1): 10.0.0.0/8 (private) is not public; to allow it, list a.test in --egress-allow",
    );
    expect(await asked(["127.0.0.1"], { policy: publicOnly })).toContain("is not public");
    expect(await asked(["10.0.0.1", "8.8.8.8", "fd00::1"], { policy: publicOnly })).toEqual(["8.8.8.8"]);
  });

  it("are allowed by the operator's list, by name, range and port", async () => {
    const by = (...texts: string[]) => ({ policy: { mode: "public", allow: rules(...texts) } as const });
    for (const text of ["a.test", "*.test", "10.0.0.0/8", "10.0.0.1", "a.test:443", "10.0.0.0/8:443"]) {
      expect(await asked(["10.0.0.1"], by(text)), text).toEqual(["10.0.0.1"]);
    }
    for (const text of ["b.test", "10.1.0.0/16", "a.test:444", "10.0.0.0/8:80"]) {
      expect(await asked(["10.0.0.1"], by(text)), text).toContain("is not public");
    }
  });

  it("are only those of the sensor's list, which widens nothing", async () => {
    const by = (...texts: string[]) => ({ owner: { allow: rules(...texts) } });
    expect(await asked(["8.8.8.8"], by("a.test"))).toEqual(["8.8.8.8"]);
    expect(await asked(["8.8.8.8"], by("8.8.8.0/24"))).toEqual(["8.8.8.8"]);
    expect(await asked(["8.8.8.8", "9.9.9.9"], by("8.8.8.0/24"))).toEqual(["8.8.8.8"]);
    expect(await asked(["8.8.8.8"], by("b.test"))).toBe(
      "no connection to a.test:443: spec.egress.allow of the Sensor does not list it",
    );
    expect(await asked(["8.8.8.8"], { owner: { allow: [] } })).toContain("does not list it");
    expect(await asked(["10.0.0.1"], { ...by("a.test", "10.0.0.0/8"), policy: publicOnly })).toContain("not public");
  });

  it("are public ones where an event chose the host, unless they are listed", async () => {
    const steered = { owner: { steered: "event" as const } };
    expect(await asked(["8.8.8.8"], steered)).toEqual(["8.8.8.8"]);
    expect(await asked(["10.0.0.1"], steered)).toBe(
      "no connection to a.test:443 (10.0.0.1): an event chose it, and 10.0.0.0/8 (private) is not public; to allow it, list a.test in spec.egress.allow of the Sensor",
    );
    expect(await asked(["127.0.0.1"], steered)).toContain("an event chose it");
    for (const text of ["a.test", "127.0.0.0/8", "a.test:443"]) {
      expect(await asked(["127.0.0.1"], { owner: { steered: "event" as const, allow: rules(text) } }), text).toEqual([
        "127.0.0.1",
      ]);
    }
    // a star stands for names that nobody wrote
    expect(await asked(["127.0.0.1"], { owner: { steered: "event" as const, allow: rules("*.test") } })).toContain(
      "an event",
    );
    const operator = (mode: EgressPolicy["mode"], text: string) => ({
      ...steered,
      policy: { mode, allow: rules(text) },
    });
    expect(await asked(["127.0.0.1"], operator("local", "127.0.0.1"))).toEqual(["127.0.0.1"]);
    expect(await asked(["127.0.0.1"], operator("public", "a.test"))).toEqual(["127.0.0.1"]);
    expect(await asked(["127.0.0.1"], operator("public", "*.test"))).toContain("an event chose it");
  });

  it("are public ones where a public address redirects to them, unless they are listed", async () => {
    const led = async (address: string, owner: EgressOwner = {}): Promise<unknown> => {
      const dns = testDns({ "a.test": [[address]] });
      return createEgress(localPolicy, owner, dns.resolveAll).led.resolve("a.test", 443);
    };
    await led("8.8.8.8");
    await expect(led("10.0.0.1")).rejects.toThrow("a redirect from a public address leads there");
    await led("10.0.0.1", { allow: rules("10.0.0.0/8") });
    await expect(led("10.0.0.1", { steered: "event" })).rejects.toThrow("an event chose it");
  });

  it("that are none are refused", async () => expect(await asked(["nonsense"])).toContain("is no address"));
});

describe("hosts", () => {
  it.each([
    "169.254.169.254",
    "[::ffff:169.254.169.254]",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "2852039166",
    "169.254.169.254.",
    "fe80::1%eth0",
    "metadata.google.internal",
    "METADATA.google.internal.",
    "metadata",
    "instance-data.ec2.internal",
  ])("such as %s are refused before DNS is asked", (host) => {
    const dns = testDns({});
    expect(() => createEgress(localPolicy, {}, dns.resolveAll).admit(host, 80)).toThrow(
      expect.objectContaining({ code: "EGRESS_REFUSED" }),
    );
    expect(dns.asked).toEqual([]);
  });

  it("that a list of names does not have are refused before DNS is told of them", () => {
    const dns = testDns({ "secret.evil.test": [["8.8.8.8"]] });
    const egress = createEgress(localPolicy, { allow: rules("a.test") }, dns.resolveAll);
    expect(() => egress.admit("secret.evil.test", 443)).toThrow("does not list it");
    expect(dns.asked).toEqual([]);
  });

  it("are told for findings as they are written, names by what is known of them", () => {
    const said = (host: string, policy: EgressPolicy, owner: EgressOwner = {}) =>
      refusedAsWritten(policy, owner, { host, port: 80 });
    expect(said("127.0.0.1", localPolicy)).toBeUndefined();
    expect(said("127.0.0.1", publicOnly)).toContain("is not public");
    expect(said("169.254.169.254", localPolicy)).toContain("never connected to");
    expect(said("a.test", publicOnly)).toBeUndefined();
    expect(said("a.test", localPolicy, { allow: rules("b.test") })).toContain("does not list it");
    expect(said("a.test", localPolicy, { allow: rules("b.test", "10.0.0.0/8") })).toBeUndefined();
  });
});

describe("behind a proxy", () => {
  const by = (answers: readonly (readonly string[])[], policy = localPolicy, owner: EgressOwner = {}) =>
    createEgress(policy, owner, testDns({ "a.test": answers }).resolveAll).admitByProxy("a.test", 443);

  it("all addresses of a name count, because the proxy may take any of them", async () => {
    await by([["8.8.8.8"]]);
    await expect(by([["8.8.8.8", "10.0.0.1"]], publicOnly)).rejects.toMatchObject({ code: "EGRESS_REFUSED" });
    await expect(by([["169.254.169.254"]])).rejects.toMatchObject({ code: "EGRESS_REFUSED" });
  });

  it("a name that does not resolve here is the proxy's to judge, unless a list has to have it", async () => {
    await by([], publicOnly);
    await by([], localPolicy, { allow: rules("a.test") });
    await expect(by([], localPolicy, { allow: rules("10.0.0.0/8") })).rejects.toThrow("does not list it");
  });

  it("a literal address is judged without DNS", async () => {
    const egress = createEgress(publicOnly, {}, testDns({}).resolveAll);
    await expect(egress.admitByProxy("10.0.0.1", 80)).rejects.toThrow("is not public");
    await egress.admitByProxy("8.8.8.8", 80);
  });

  it("a DNS that does not answer holds a connection up for two seconds at most", async () => {
    const egress = createEgress(localPolicy, {}, () => undefined);
    const begun = performance.now();
    await egress.admitByProxy("a.test", 80);
    expect(performance.now() - begun).toBeLessThan(5_000);
  });
});

it("connections of different leave have different keys", () => {
  const keys = [
    {},
    { steered: "event" as const },
    { allow: [] },
    { allow: rules("a.test") },
    { allow: rules("a.test"), steered: "event" as const },
  ].map((owner) => createEgress(localPolicy, owner).key);
  expect(new Set(keys).size).toBe(5);
  expect(keys[0]).toBe("");
});
