import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readAllow, readTarget } from "./notify-allow.ts";

function allowed(pattern: string, text: string): boolean {
  const entry = readAllow(pattern);
  const target = readTarget(text);
  if ("problem" in entry) throw new Error(`${pattern}: ${entry.problem}`);
  return !("refused" in target) && entry.allows(target);
}

describe("an allow-list of URLs", () => {
  test.each([
    ["https://hooks.example.com/*", "https://hooks.example.com/a/b?c=d"],
    ["https://hooks.example.com/*", "HTTPS://Hooks.EXAMPLE.com/a"],
    ["https://hooks.example.com/*", "https://hooks.example.com:443/a"],
    ["https://hooks.example.com", "https://hooks.example.com"],
    ["https://hooks.example.com:8443/jobs/*/done", "https://hooks.example.com:8443/jobs/7/done"],
    ["https://*.example.com/*", "https://a.b.example.com/"],
    ["https://hook-*.example.com/*", "https://hook-7.example.com/x"],
    ["https://bücher.example/*", "https://xn--bcher-kva.example/a"],
    ["https://xn--bcher-kva.example/*", "https://BÜCHER.example/a"],
    ["http://127.0.0.1:9/*", "http://127.0.0.1:9/x"],
    ["http://[::1]:9/*", "http://[0:0:0:0:0:0:0:1]:9/x"],
    ["http://localhost:9/*", "http://localhost:9/x"],
    ["https://*/*", "https://anything.example/"],
  ])("%s allows %s", (pattern, text) => {
    expect(allowed(pattern, text)).toBe(true);
  });

  test.each([
    // another scheme, host, port, path
    ["https://hooks.example.com/*", "http://hooks.example.com/a"],
    ["https://hooks.example.com/*", "https://hooks.example.com:444/a"],
    ["https://hooks.example.com/*", "https://hooks.example.com.evil.test/a"],
    ["https://hooks.example.com/*", "https://evil.test/hooks.example.com/a"],
    ["https://hooks.example.com/*", "https://hooks.example.com./a"],
    ["https://*.example.com/*", "https://example.com/a"],
    ["https://*.example.com/*", "https://evilexample.com/a"],
    ["https://hook-*.example.com/*", "https://hook-7.evil.example.com/x"],
    ["https://hooks.example.com/ok/*", "https://hooks.example.com/other"],
    ["https://hooks.example.com/ok", "https://hooks.example.com/okay"],
    ["https://hooks.example.com/OK/*", "https://hooks.example.com/ok/a"],
    // user names
    ["https://hooks.example.com/*", "https://hooks.example.com@evil.test/a"],
    ["https://hooks.example.com/*", "https://hooks.example.com:443@evil.test/a"],
    ["https://hooks.example.com/*", "https://user:pw@hooks.example.com/a"],
    ["https://hooks.example.com/*", "https://@hooks.example.com/a"],
    ["https://hooks.example.com/*", "https://evil.test%2f@hooks.example.com/a"],
    // what readers of URLs disagree about
    ["https://hooks.example.com/*", "https://hooks.example.com\\@evil.test/a"],
    ["https://hooks.example.com/*", "https:\\\\hooks.example.com/a"],
    ["https://hooks.example.com/*", "https:hooks.example.com/a"],
    ["https://hooks.example.com/*", "https:///hooks.example.com/a"],
    ["https://hooks.example.com/*", "https://hooks.example.com/a\r\nHost: evil.test"],
    ["https://hooks.example.com/*", "https://evil.test#@hooks.example.com/"],
    ["https://hooks.example.com/*", "https://evil.test?@hooks.example.com/"],
    ["https://hooks.example.com/*", " https://hooks.example.com/"],
    ["https://hooks.example.com/*", "https://hooks.exa\tmple.com/"],
    ["https://hooks.example.com/*", "//hooks.example.com/a"],
    ["https://hooks.example.com/ok/*", "https://hooks.example.com/ok/../admin"],
    ["https://hooks.example.com/ok/*", "https://hooks.example.com/ok/%2e%2e/admin"],
    ["https://hooks.example.com/ok/*", "https://hooks.example.com/ok/%2E%2e%2fadmin"],
    ["https://hooks.example.com/ok/*", "https://hooks.example.com/ok/..%2fadmin"],
    ["https://hooks.example.com/ok/*", "https://hooks.example.com/ok/..;/admin"],
    ["https://hooks.example.com/ok/*", "https://hooks.example.com/ok//admin"],
    ["https://hooks.example.com/ok/*", "https://hooks.example.com/ok/%5cadmin"],
    // looks alike, and is not
    ["https://apple.example/*", "https://аpple.example/a"],
    ["https://hooks.example.com/*", "https://hooks.example\u3002com.evil.test/"],
    // the machine itself and what is around it, which no star stands for
    ["http://*/*", "http://127.0.0.1/"],
    ["http://*/*", "http://2130706433/"],
    ["http://*/*", "http://0x7f.1/"],
    ["http://*/*", "http://0177.0.0.1/"],
    ["http://*/*", "http://127.1/"],
    ["http://*/*", "http://0/"],
    ["http://*/*", "http://[::1]/"],
    ["http://*/*", "http://[::ffff:127.0.0.1]/"],
    ["http://*/*", "http://[::ffff:a9fe:a9fe]/"],
    ["http://*/*", "http://[fe80::1]/"],
    ["http://*/*", "http://169.254.169.254/latest/meta-data"],
    ["http://*/*", "http://10.0.0.1/"],
    ["http://*/*", "http://localhost/"],
    ["http://*/*", "http://LOCALHOST./"],
    ["http://*/*", "http://metadata.google.internal/"],
    ["http://127.*/*", "http://127.0.0.1/"],
    ["http://127.0.0.1:9/*", "http://127.0.0.1/x"],
    // other kinds
    ["https://*/*", "ftp://a.example/"],
    ["https://*/*", "javascript:alert(1)"],
    ["https://*/*", "file:///etc/passwd"],
    ["https://*/*", "mailto:a@example.com"],
    ["https://*/*", ""],
  ])("%s refuses %s", (pattern, text) => {
    expect(allowed(pattern, text)).toBe(false);
  });

  test("what is sent to is what was compared", () => {
    expect(readTarget("HTTPS://Hooks.Example.com:443/a b".replace(" ", "%20"))).toMatchObject({
      address: "https://hooks.example.com/a%20b",
    });
    expect(readTarget("https://hooks.example.com/a?token=s3cret#x")).toEqual({
      kind: "http",
      address: "https://hooks.example.com/a?token=s3cret",
      shown: "https://hooks.example.com/a",
    });
  });

  test("no text makes a target whose host the list does not have", () => {
    const pieces = fc.constantFrom(
      "https://",
      "http:",
      "/",
      "\\",
      "@",
      "#",
      "?",
      ":",
      "evil.test",
      "hooks.example.com",
    );
    const more = fc.constantFrom("%2f", "%40", ".", "..", "\t", "[", "]", "443", "%00", "。", "*");
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, more), { maxLength: 9 }), (parts) => {
        const target = readTarget(parts.join(""));
        const entry = readAllow("https://hooks.example.com/*");
        if ("refused" in target || "problem" in entry || !entry.allows(target)) return;
        expect(new URL(target.address).host).toBe("hooks.example.com");
        expect(target.address.startsWith("https://hooks.example.com/")).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("an allow-list of other targets", () => {
  test.each([
    ["arn:aws:sns:*:*:jobs-*", "arn:aws:sns:eu-west-1:123456789012:jobs-done"],
    ["arn:aws:sns:eu-west-1:123456789012:jobs", "arn:aws:sns:eu-west-1:123456789012:jobs"],
    ["mailto:*@example.com", "mailto:ada.lovelace+jobs@Example.COM"],
    ["mailto:*@*.example.com", "mailto:ada@eu.example.com"],
    ["slack:#jobs-*", "slack:#jobs-orders"],
    ["slack:C0123", "slack:C0123"],
  ])("%s allows %s", (pattern, text) => {
    expect(allowed(pattern, text)).toBe(true);
  });

  test.each([
    ["arn:aws:sns:*:*:jobs-*", "arn:aws:sns:eu-west-1:123456789012:other"],
    ["arn:aws:sns:*:*:jobs-*", "arn:aws:sqs:eu-west-1:123456789012:jobs-x"],
    ["arn:aws:sns:*:*:jobs-*", "arn:aws:sns:eu-west-1:123456789012:evil:jobs-x"],
    ["arn:aws:sns:*:*:jobs-*", "arn:aws:sns:eu-west-1:123456789012:jobs-x:subscription"],
    ["mailto:*@example.com", "mailto:ada@example.com,eve@evil.test"],
    ["mailto:*@example.com", "mailto:ada@evil.test?cc=x@example.com"],
    ["mailto:*@example.com", "mailto:eve%40evil.test@example.com"],
    ["mailto:*@example.com", "mailto:eve@evil.test@example.com"],
    ["mailto:*@example.com", 'mailto:"eve@evil.test"@example.com'],
    ["mailto:*@example.com", "mailto:evil.test!eve@example.com"],
    ["mailto:*@example.com", "mailto:<eve@evil.test>@example.com"],
    ["mailto:*@example.com", "mailto:ada@sub.example.com"],
    ["mailto:*@example.com", "mailto:ada@example.com\r\nBcc: eve@evil.test"],
    ["mailto:*@example.com", "mailto:ada@еxample.com"],
    ["mailto:*@example.com", "mailto:@example.com"],
    ["slack:#jobs-*", "slack:#general"],
    ["slack:#jobs-*", "slack:jobs-x"],
    ["slack:#jobs-*", "slack:#jobs-x&channel=general"],
  ])("%s refuses %s", (pattern, text) => {
    expect(allowed(pattern, text)).toBe(false);
  });

  test.each([
    ["hooks.example.com", "begins with none"],
    ["https://user@hooks.example.com/", "user name"],
    ["https://hooks.example.com/a?b", "query"],
    ["https://", "host"],
    ["arn:aws:sns:jobs", "ARN"],
    ["mailto:example.com", "address"],
  ])("%s is no entry", (pattern, why) => {
    expect(readAllow(pattern)).toMatchObject({ problem: expect.stringContaining(why) });
  });

  test("a hostile pattern takes no time", () => {
    const entry = readAllow(`https://a.example/${"*a".repeat(200)}b`);
    const target = readTarget(`https://a.example/${"a".repeat(1_900)}`);
    if ("problem" in entry || "refused" in target) throw new Error("neither is at fault");
    const startedMs = performance.now();
    expect(entry.allows(target)).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(200);
  });
});
