import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { done, heard, lines, linesOf, type Told } from "../../test/config-maps.ts";
import { describeResource } from "../../test/resource-bench.ts";
import { until } from "../../test/until.ts";
import { dataOf, type Trial } from "../kit/testing.ts";

describeResource((bench) => {
  describe("what happens while it does not run", () => {
    async function outage(source: Trial): Promise<void> {
      for (const name of ["kept", "changed", "deleted", "renewed"]) await bench.maps.create(name);
      await until("they are seen", () => source.taken.length === 4);
      await bench.maps.settle(source);
      await source.stop();
      await bench.maps.update("changed", "2");
      await bench.maps.update("changed", "3");
      await bench.maps.remove("deleted");
      await bench.maps.remove("renewed");
      await bench.maps.create("renewed", "9");
      await bench.maps.create("short");
      await bench.maps.remove("short");
      await bench.maps.create("new");
    }

    it("is told at the next start, each change, from where it stopped", async () => {
      const first = bench.start();
      await outage(first);
      const next = bench.start({}, { checkpoint: first.checkpoint });
      const expected = [
        ...[
          "UPDATE changed 2 was 1",
          "UPDATE changed 3 was 2",
          "DELETE deleted 1",
          "DELETE renewed 1",
          "ADD renewed 9",
        ],
        ...["ADD short 1", "DELETE short 1", "ADD new 1"],
      ];
      await heard(next, expected);
      expect(next.taken.every(({ receipt }) => receipt.outcome === "stored")).toBe(true);
    });

    it("is found by comparison where the API server has forgotten it, deletions too", async () => {
      const first = bench.start();
      await outage(first);
      await forget();
      const next = bench.start({}, { checkpoint: first.checkpoint });
      await until("five events", () => next.taken.length >= 5);
      await bench.maps.settle(next);
      expect(lines(next).slice(0, -1).sort()).toEqual([
        "ADD new 1",
        "ADD renewed 9",
        "DELETE deleted 1",
        "DELETE renewed 1",
        "UPDATE changed 3 was 1",
      ]);
      const order = lines(next);
      expect(order.indexOf("DELETE renewed 1")).toBeLessThan(order.indexOf("ADD renewed 9"));
      expect(next.log.map(({ message }) => message)).toContain(
        "the API server has forgotten what happened meanwhile: all objects are compared",
      );
    });

    it("is found where the cluster was put back to an earlier state", async () => {
      const first = bench.start();
      await bench.maps.create("a");
      await heard(first, ["ADD a 1"]);
      await first.stop();
      const place = JSON.parse(Buffer.from((await first.checkpoint.get("place")) ?? []).toString());
      const ahead = JSON.stringify({ ...place, version: `${place.version}000` });
      await first.checkpoint.put("place", Buffer.from(ahead));
      await bench.maps.create("b");
      const next = bench.start({}, { checkpoint: first.checkpoint });
      await heard(next, ["ADD b 1"]);
    });
  });

  /** Takes the history away from etcd and the API bench.server. */
  async function forget(): Promise<void> {
    const { metadata } = await done(bench.server.api("GET", bench.maps.path()));
    const compact = await fetch(`http://127.0.0.1:${bench.server.etcd.port}/v3/kv/compaction`, {
      method: "POST",
      body: JSON.stringify({ revision: metadata.resourceVersion, physical: true }),
    });
    expect(compact.status).toBe(200);
    await bench.server.apiServer.stop({ keep: true });
    await bench.server.apiServer.start();
  }

  it("an API server that is killed in the middle costs nothing, and nothing comes twice", async () => {
    const source = bench.start();
    await source.ready();
    for (let i = 0; i < 20; i++) await bench.maps.create(`before-${i}`);
    await bench.server.apiServer.kill();
    await bench.server.apiServer.start();
    for (let i = 0; i < 20; i++) await bench.maps.create(`after-${i}`);
    await bench.maps.update("before-0", "2");
    await bench.maps.remove("before-1");
    await until("all of it", () => source.taken.length >= 42, { timeoutMs: 30_000 });
    await bench.maps.settle(source);
    expect(source.restarts.length).toBeGreaterThan(0);
    const names = [...Array(20).keys()].flatMap((i) => [`ADD before-${i} 1`, `ADD after-${i} 1`]);
    const expected = [...names, "UPDATE before-0 2 was 1", "DELETE before-1 1", "ADD mark-42 1"];
    expect([...lines(source)].sort()).toEqual(expected.sort());
    expect(source.taken.every(({ receipt }) => receipt.outcome === "stored")).toBe(true);
  }, 60_000);

  it("is told whole and in order, however often it is ended in the middle", { timeout: 60_000 }, async () => {
    const random = seeded(11);
    const changes = changeAtRandom(random);
    const told: Told[] = [];
    const ids = new Set<string | undefined>();
    let source = bench.start();
    const collect = (from: Trial): void => {
      for (const one of from.taken) {
        if (ids.has(one.draft.upstreamId)) continue;
        ids.add(one.draft.upstreamId);
        told.push(dataOf(one).json as Told);
      }
    };
    const { checkpoint } = source;
    await source.ready();
    for (let restarts = 0; restarts < 25; restarts++) {
      // with some luck within an emit, or between what is seen and its place
      await changes.next();
      if (random() < 0.3) source.hold();
      await Promise.all([changes.next(), pause(random() * 20)]);
      await source.stop();
      collect(source);
      source = bench.start({}, { checkpoint });
    }
    await source.ready();
    await bench.maps.settle(source);
    collect(source);
    const names = [...new Set(changes.expected.map(({ name }) => name))];
    for (const name of names) {
      const expected = changes.expected.filter((one) => one.name === name).map(({ line }) => line);
      expect([name, linesOf(told).filter((line) => line.split(" ")[1] === name)]).toEqual([name, expected]);
    }
    expect(changes.expected.length).toBeGreaterThan(100);
  });

  /** Each step makes some changes of a few objects; `expected` is what is to be told of them. */
  function changeAtRandom(random: () => number) {
    const values = new Map<string, number>();
    const expected: { readonly name: string; readonly line: string }[] = [];
    let value = 0;
    const one = async (): Promise<void> => {
      const name = `r${Math.floor(random() * 5)}`;
      const old = values.get(name);
      value++;
      if (old === undefined) {
        await bench.maps.create(name, `${value}`);
        expected.push({ name, line: `ADD ${name} ${value}` });
      } else if (random() < 0.7) {
        await bench.maps.update(name, `${value}`);
        expected.push({ name, line: `UPDATE ${name} ${value} was ${old}` });
      } else {
        await bench.maps.remove(name);
        expected.push({ name, line: `DELETE ${name} ${old}` });
        values.delete(name);
        return;
      }
      values.set(name, value);
    };
    return {
      expected,
      async next(): Promise<void> {
        for (let i = 0; i < 5; i++) await one();
      },
    };
  }

  it("a crash before the place is kept brings a change again under its id, and no wrong one", async () => {
    const source = bench.start();
    await source.ready();
    await bench.maps.create("a");
    await bench.maps.update("a", "2");
    await heard(source, ["ADD a 1", "UPDATE a 2 was 1"]);
    const before = await source.checkpoint.get("place");
    await bench.maps.remove("a");
    await bench.maps.create("b");
    await heard(source, ["ADD a 1", "UPDATE a 2 was 1", "DELETE a 2", "ADD b 1"]);
    await source.stop();
    if (before !== undefined) await source.checkpoint.put("place", before);
    const next = bench.start({}, { checkpoint: source.checkpoint });
    await next.ready();
    await bench.maps.settle(next);
    const ids = new Set(source.taken.map(({ draft }) => draft.upstreamId));
    const again = next.taken.slice(0, -1).map(({ draft }) => draft.upstreamId);
    expect(again.filter((id) => !ids.has(id))).toEqual([]);
  });
});

/** Numbers in [0, 1), the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
