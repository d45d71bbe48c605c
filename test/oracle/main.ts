import { parseArgs } from "node:util";
import { compare, report, summary } from "./compare.ts";
import { differences } from "./differences.ts";
import { languages } from "./languages.ts";
import { buildOracle, Oracle, oracleAvailable } from "./oracle.ts";

/**
 * `npm run oracle -- [--lang NAME]… [--cases N] [--seed N] [--show N]`: compares our languages with the Go libraries that
 * define them on random inputs. Exits 1 on a difference that is not listed, 3 where Go or its modules are not there.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      lang: { type: "string", multiple: true },
      cases: { type: "string", default: "20000" },
      seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
      show: { type: "string", default: "20" },
    },
  });
  const known = languages.map(({ name }) => name);
  const unknown = values.lang?.filter((name) => !known.includes(name)) ?? [];
  if (unknown.length > 0) {
    process.stderr.write(`no such language: ${unknown.join(", ")}; there are: ${known.join(", ")}\n`);
    return 2;
  }
  const available = oracleAvailable();
  if (!available.ok) {
    process.stderr.write(`the Go libraries cannot be asked: ${available.why}\n`);
    return 3;
  }
  const [seed, count] = [Number(values.seed), Number(values.cases)];
  await using oracle = new Oracle(await buildOracle());
  process.stdout.write(`seed ${seed}\n`);
  let bad = 0;
  for (const language of languages) {
    if (values.lang !== undefined && !values.lang.includes(language.name)) continue;
    const agreement = await compare(language, oracle, { seed, count, differences });
    process.stdout.write(`${summary(agreement)}\n`);
    for (const [why, times] of agreement.explained) process.stdout.write(`  ${times}: ${why}\n`);
    if (agreement.unexplained.length > 0) process.stdout.write(`${report(agreement, Number(values.show))}\n`);
    bad += agreement.unexplained.length;
  }
  return bad === 0 ? 0 : 1;
}

process.exitCode = await main();
