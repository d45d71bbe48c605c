import type { LookupAddress } from "node:dns";
import { describe, expect, it } from "vitest";
import { until } from "../../test/until.ts";
import type { ResolveAll } from "./egress.ts";
import { createLookUps, type LookUpsOptions } from "./look-ups.ts";

/** A resolver whose answers are given by hand. */
function open(options: LookUpsOptions = {}) {
  const pending: { readonly host: string; readonly answer: Parameters<ResolveAll>[2] }[] = [];
  const resolveAll: ResolveAll = (host, _, answer) => void pending.push({ host, answer });
  const lookUp = createLookUps({ most: 2, slowMs: 20, ...options, resolveAll });
  const answered: string[] = [];
  return {
    answered,
    /** Names that are being looked up now. */
    running: () => pending.map(({ host }) => host),
    ask(host: string, family: 0 | 4 | 6 = 0): Promise<readonly LookupAddress[]> {
      return new Promise((resolve, reject) => {
        lookUp(host, { all: true, family }, (error, addresses) => {
          answered.push(host);
          if (error === null) resolve(addresses);
          else reject(error);
        });
      });
    },
    answer(host: string, error: Error | null = null): void {
      const at = pending.findIndex((one) => one.host === host);
      const [one] = pending.splice(at, 1);
      one?.answer(error, [{ address: "127.0.0.1", family: 4 }]);
    },
  };
}

const slowly = () => new Promise((resolve) => setTimeout(resolve, 40));

describe("look-ups", () => {
  it("of one name are made once, and each that waits gets its own answer", async () => {
    const { ask, answer, running } = open();
    const answers = [ask("a.test"), ask("a.test"), ask("a.test")];
    const other = ask("a.test", 6);
    expect(running()).toEqual(["a.test", "a.test"]);
    answer("a.test");
    const lists = await Promise.all(answers);
    expect(lists).toEqual(Array(3).fill([{ address: "127.0.0.1", family: 4 }]));
    expect(new Set(lists).size).toBe(3);
    answer("a.test");
    await other;
    // nothing is kept
    const again = ask("a.test");
    expect(running()).toEqual(["a.test"]);
    answer("a.test", new Error("ENOTFOUND"));
    await expect(again).rejects.toThrow("ENOTFOUND");
  });

  it("of names whose server does not answer never take the last thread", async () => {
    const { ask, answer, running, answered } = open();
    for (const name of ["hangs.test", "stalls.test"]) {
      const first = ask(name);
      await slowly();
      answer(name, new Error("EAI_AGAIN"));
      await expect(first).rejects.toThrow("EAI_AGAIN");
    }
    const hanging = [ask("hangs.test"), ask("stalls.test")];
    expect(running()).toEqual(["hangs.test"]);
    for (const name of ["a.test", "b.test", "c.test"]) {
      const asked = ask(name);
      expect(running()).toEqual(["hangs.test", name]);
      answer(name);
      await asked;
    }
    answer("hangs.test");
    expect(running()).toEqual(["stalls.test"]);
    answer("stalls.test");
    await Promise.all(hanging);
    expect(answered.slice(2)).toEqual(["a.test", "b.test", "c.test", "hangs.test", "stalls.test"]);
  });

  it("of a name that was slow once are as all others once it is quick again", async () => {
    const { ask, answer, running } = open();
    const slow = ask("a.test");
    await slowly();
    answer("a.test");
    await slow;
    const quick = ask("a.test");
    answer("a.test");
    await quick;
    const both = [ask("a.test"), ask("b.test"), ask("c.test")];
    expect(running()).toEqual(["a.test", "b.test"]);
    for (const name of ["a.test", "b.test", "c.test"]) answer(name);
    await Promise.all(both);
  });

  it("that are slow go on where there is one thread alone", async () => {
    const { ask, answer, running } = open({ most: 1 });
    const slow = ask("a.test");
    await slowly();
    answer("a.test");
    await slow;
    const again = ask("a.test");
    expect(running()).toEqual(["a.test"]);
    answer("a.test");
    await again;
  });

  it("ask the system", async () => {
    const lookUp = createLookUps();
    let found: readonly LookupAddress[] = [];
    lookUp("localhost", { all: true }, (_, addresses) => (found = addresses));
    await until("it has answered", () => found.length > 0);
    expect(found.map(({ address }) => address)).toContain("127.0.0.1");
  });
});
