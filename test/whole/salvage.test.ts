import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Salvaged } from "../../src/runtime/salvage.ts";
import { freePort } from "../servers/server.ts";
import { drained } from "./drained.ts";
import { startProduct, verb } from "./product.ts";
import { makePlace, post, sensor, webhooks } from "./shop.ts";
import { startTarget } from "./target.ts";

describe("a damaged data folder", { timeout: 60_000 }, () => {
  it("is refused with the command that helps, and goes on after `bus salvage`", async () => {
    await using place = await makePlace();
    await using target = await startTarget();
    const port = await freePort();
    await place.write("web.yaml", webhooks(port, ["a"]));
    await place.write("s.yaml", sensor({ name: "s", on: ["a"], url: `${target.url}/s` }));
    const first = await startProduct({ dataDir: place.dataDir, paths: [place.manifests] });
    for (let n = 0; n < 40; n++) {
      const text = "x".repeat(20_000);
      expect((await post(port, "/a", { n, text })).status).toBe(200);
    }
    const before = await drained(first);
    const locked = await verb(["bus", "salvage", place.dataDir, `${place.dataDir}-early`]);
    expect(locked.code).toBe(2);
    expect(locked.err).toContain("TM5004");
    expect(await first.stop()).toBe(0);

    // zeros in the body of one event: most of the file holds those
    const file = join(place.dataDir, "bus", "data.mdb");
    const size = (await stat(file)).size;
    {
      await using handle = await open(file, "r+");
      const { buffer } = await handle.read(Buffer.alloc(size), 0, size, 0);
      const at = buffer.lastIndexOf("x".repeat(15_000));
      expect(at).toBeGreaterThan(0);
      await handle.write(Buffer.alloc(10), 0, 10, at + 100);
    }
    const refused = await verb([
      "run",
      place.manifests,
      "--data-dir",
      place.dataDir,
      "--admin",
      "none",
      "--metrics",
      "none",
    ]);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("TM5006");
    expect(refused.err).toContain("tidemill bus salvage");

    const to = `${place.dataDir}-new`;
    const salvage = await verb(["bus", "salvage", place.dataDir, to, "-o", "json"]);
    const found = JSON.parse(salvage.out) as Salvaged;
    expect(salvage.code).toBe(1);
    expect(found.tables.find(({ table }) => table === "events")).toMatchObject({ copied: 39, damaged: 1, whole: true });
    expect(found.files).toContain("record.sqlite");
    const again = await verb(["bus", "salvage", place.dataDir, to]);
    expect(again.code).toBe(2);

    await using second = await startProduct({ dataDir: to, paths: [place.manifests] });
    expect((await post(port, "/a", { n: 41 })).status).toBe(200);
    const after = await drained(second);
    expect(after.missing).toEqual([]);
    expect(after.receipts.stored).toBe(before.receipts.stored + 1);
    expect(target.hits.length).toBe(41);
    expect(await second.stop()).toBe(0);
  });
});
