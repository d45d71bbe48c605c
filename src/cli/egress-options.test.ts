import { Command } from "commander";
import { afterEach, expect, test, vi } from "vitest";
import { egressPolicy, withEgress } from "./egress-options.ts";

afterEach(() => vi.unstubAllEnvs());

function policy(...args: readonly string[]) {
  const command = withEgress(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  const { mode, allow } = egressPolicy(command.parse(args, { from: "user" }).opts());
  return [mode, ...allow.map(({ text }) => text)];
}

test("private networks may be connected to unless it is said otherwise", () => {
  expect(policy()).toEqual(["local"]);
  expect(policy("--egress", "public")).toEqual(["public"]);
});

test("places are listed one by one, or separated by commas, in the environment too", () => {
  const flags = ["--egress", "public", "--egress-allow", "10.0.0.0/8", "--egress-allow", "db.internal:5432, *.corp"];
  expect(policy(...flags)).toEqual(["public", "10.0.0.0/8", "db.internal:5432", "*.corp"]);
  vi.stubEnv("TIDEMILL_EGRESS", "public");
  vi.stubEnv("TIDEMILL_EGRESS_ALLOW", "10.0.0.0/8,[fd00::1]:443");
  expect(policy()).toEqual(["public", "10.0.0.0/8", "[fd00::1]:443"]);
  // a flag is in place of the variable
  expect(policy("--egress-allow", "a.test")).toEqual(["public", "a.test"]);
});

test("what is no place, and no policy, is told", () => {
  expect(() => policy("--egress-allow", "http://a.test")).toThrow("is a URL");
  expect(() => policy("--egress-allow", "10.0.0.0/40")).toThrow("no host");
  expect(() => policy("--egress", "private")).toThrow("Allowed choices");
});
