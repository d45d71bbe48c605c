import fc from "fast-check";
import { expect, test } from "vitest";
import { delaysCsv } from "./delays-csv.ts";
import { delaysPage } from "./delays-html.ts";
import { histogram, spells } from "./delays-plots.ts";
import { delaysText } from "./delays-text.ts";
import { durationText } from "./delays-words.ts";
import { Distribution } from "./queries/percentiles.ts";
import type { DelaySample, Delays } from "./record.ts";
import { baseUs } from "./testing.ts";

test("percentiles are those of a naive count", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 10_000_000 }), { minLength: 1, maxLength: 400 }), (values) => {
      const distribution = new Distribution();
      for (const us of values) distribution.add(us);
      const naive = (percent: number): number =>
        values
          .toSorted((a, b) => a - b)
          .find((us) => values.filter((v) => v <= us).length * 100 >= percent * values.length) ?? -1;
      expect(distribution.percentiles()).toEqual({
        p50Ms: naive(50) / 1000,
        p95Ms: naive(95) / 1000,
        p99Ms: naive(99) / 1000,
        maxMs: naive(100) / 1000,
      });
    }),
  );
});

const hostile = `<script>alert("1")</script>'&\u0000\u001b[31m`;

function hostileDelays(): { readonly delays: Delays; readonly samples: readonly DelaySample[] } {
  const sample: DelaySample = {
    event: hostile,
    source: hostile,
    sensor: hostile,
    trigger: hostile,
    receivedUs: baseUs,
    hopsMs: { "received-stored": 0, "stored-fired": 0.2, "fired-done": 61_000, total: 61_000.2 },
  };
  const group = { by: hostile, hop: "total", count: 1, p50Ms: 1, p95Ms: 1, p99Ms: 1, maxMs: 1 } as const;
  const delays: Delays = {
    groups: [group],
    slowest: [sample],
    aheadOfUs: [{ source: hostile, count: 2, corrected: 0, mostMs: 1_500 }],
  };
  return { delays, samples: [sample, { ...sample, receivedUs: Number.MAX_SAFE_INTEGER }] };
}

test("the page escapes what comes from outside, loads nothing and has the numbers of each plot", () => {
  const { delays, samples } = hostileDelays();
  const page = delaysPage(delays, samples.slice(0, 1));
  expect(page).not.toContain("<script");
  expect(page).toContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be in the page
  expect(page).not.toMatch(/[\u0000-\u0008\u000b-\u001f]/);
  expect(page).not.toMatch(/https?:|src=|@import|url\(/);
  expect(page.match(/<svg/g)).toHaveLength(5);
  expect(page.match(/<details>/g)).toHaveLength(5);
  expect(page).toContain("up to 1.50 s ahead of ours: 2 events were received before being sent");
  expect(page).not.toMatch(/NaN|Infinity|undefined/);
});

test("the page of an empty range, of one event and of times beyond any calendar is a page", () => {
  const empty = delaysPage({ groups: [], slowest: [], aheadOfUs: [] }, []);
  expect(empty).toContain("No event was recorded");
  const { delays, samples } = hostileDelays();
  const page = delaysPage(delays, samples);
  expect(page).not.toMatch(/NaN|Infinity|undefined/);
});

test("a page of very many events stays small", () => {
  const samples: readonly DelaySample[] = Array.from({ length: 100_000 }, (_, at) => ({
    event: `e${at}`,
    source: "s",
    sensor: undefined,
    trigger: undefined,
    receivedUs: baseUs + at,
    hopsMs: { total: (at % 977) / 10 },
  }));
  const page = delaysPage({ groups: [], slowest: [], aheadOfUs: [] }, samples);
  expect(page.length).toBeLessThan(800_000);
});

test("the table for terminals has a line per hop, and no control characters of others", () => {
  const text = delaysText(hostileDelays().delays);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not reach a terminal
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  expect(text).toContain("total");
  expect(text).toContain("Warning: the clock of a sender");
  expect(delaysText({ groups: [], slowest: [], aheadOfUs: [] })).toBe("No event was recorded in this range.\n");
});

test("CSV quotes what needs it", () => {
  const group = { by: 'a,"b"', hop: "total", count: 3, p50Ms: 1.5, p95Ms: 2, p99Ms: 2.25, maxMs: 3 } as const;
  expect(delaysCsv({ groups: [group], slowest: [], aheadOfUs: [] })).toBe(
    'by,hop,count,p50Ms,p95Ms,p99Ms,maxMs\r\n"a,""b""",total,3,1.5,2,2.25,3\r\n',
  );
});

test("a histogram and the spells count each value once", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e8, noNaN: true }), { maxLength: 200 }), (values) => {
      const bins = histogram(values);
      expect(bins.reduce((sum, bin) => sum + bin.count, 0)).toBe(values.length);
      const dots = values.map((ms, at) => ({ atUs: baseUs + at * 977, ms }));
      expect(spells(dots, 24).reduce((sum, spell) => sum + spell.count, 0)).toBe(values.length);
    }),
  );
});

test("a duration has three digits and the unit that fits", () => {
  const cases = [
    [0, "0 µs"],
    [0.4567, "457 µs"],
    [1, "1.00 ms"],
    [9.999, "10.0 ms"],
    [99.96, "100 ms"],
    [1_234, "1.23 s"],
    [90_000, "1.50 min"],
    [7_200_000, "2.00 h"],
  ] as const;
  for (const [ms, text] of cases) expect(durationText(ms)).toBe(text);
});
