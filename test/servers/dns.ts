import type { LookupAddress } from "node:dns";
import type { ResolveAll } from "../../src/kit/egress.ts";

/** A DNS for tests: what each name answers, one list after the other, the last one for ever. */
interface TestDns {
  readonly resolveAll: ResolveAll;
  /** What was asked for, in order. */
  readonly asked: readonly string[];
}

/** A name without answers does not exist. */
export function testDns(answers: Readonly<Record<string, readonly (readonly string[])[]>>): TestDns {
  const asked: string[] = [];
  return {
    asked,
    resolveAll(host, _options, callback) {
      const turns = answers[host] ?? [];
      const before = asked.filter((name) => name === host).length;
      asked.push(host);
      const found = turns[Math.min(before, turns.length - 1)];
      const gone = Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND" });
      process.nextTick(() => (found === undefined ? callback(gone, []) : callback(null, found.map(addressOf))));
    },
  };
}

function addressOf(address: string): LookupAddress {
  return { address, family: address.includes(":") ? 6 : 4 };
}
