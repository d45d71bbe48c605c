import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compare, report, summary } from "./compare.ts";
import { differences } from "./differences.ts";
import { languages } from "./languages.ts";
import { buildOracle, Oracle, oracleAvailable } from "./oracle.ts";

/*
 * Our languages against the Go libraries that define them, on random inputs. TIDEMILL_ORACLE_CASES says how many of each
 * language, TIDEMILL_SEED which (always the same ones unless given); `npm run oracle` takes new ones each time. Where the libraries cannot be had it is skipped, loudly,
 * also with TIDEMILL_TEST_SERVERS=require: they come from the network.
 */
const count = Number(process.env.TIDEMILL_ORACLE_CASES ?? 2000);
const seed = Number(process.env.TIDEMILL_SEED ?? 20_260_105);
const available = oracleAvailable();
const title = `the Go libraries agree (TIDEMILL_SEED=${seed})`;

if (available.ok) {
  describe(title, () => {
    let oracle: Oracle;
    // the first build compiles the libraries too
    beforeAll(async () => {
      oracle = new Oracle(await buildOracle());
    }, 600_000);
    afterAll(() => oracle?.[Symbol.asyncDispose]());

    test.each(languages)("with ours of $name", { timeout: 120_000 + count * 20 }, async (language) => {
      const agreement = await compare(language, oracle, { seed, count, differences });
      process.stdout.write(`${summary(agreement)}\n`);
      expect(agreement.unexplained.length, report(agreement)).toBe(0);
      // cases that all fail would agree about nothing
      expect(agreement.values).toBeGreaterThan(count / 5);
    });
  });
} else {
  process.stderr.write(`SKIPPED: the comparison with the Go libraries: ${available.why}\n`);
  describe.skip(title, () => {
    test.each(languages)("with ours of $name", () => {});
  });
}
