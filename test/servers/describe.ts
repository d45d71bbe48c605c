import { describe, test } from "vitest";
import { available, type ServerName } from "./recipes.ts";

/**
 * A `describe` for tests that need real servers. Where one is not on the machine they are skipped, with one line on
 * stderr that names the command that installs it; with `TIDEMILL_TEST_SERVERS=require` a missing one is a failing test.
 */
export function describeWithServer(names: ServerName | readonly ServerName[], tests: () => void): void {
  const wanted = typeof names === "string" ? [names] : names;
  const title = `with a real ${wanted.join(" and ")}`;
  const missing = wanted.flatMap((name) => {
    const found = available(name);
    return found.ok ? [] : [{ name, install: found.install }];
  });
  if (missing.length === 0) {
    describe(title, tests);
  } else if (process.env.TIDEMILL_TEST_SERVERS === "require") {
    describe(title, () => {
      test.each(missing)("$name is on this machine (TIDEMILL_TEST_SERVERS=require)", ({ name, install }) => {
        throw new Error(`${name} is not on this machine; to install it: ${install}`);
      });
    });
  } else {
    for (const { name, install } of missing) {
      process.stderr.write(
        `SKIPPED: tests with a real ${name}, which is not on this machine. To run them: ${install}\n`,
      );
    }
    describe.skip(title, tests);
  }
}
