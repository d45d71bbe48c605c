import type { Audit } from "../record/record.ts";
import { type Io, json, table } from "./io.ts";
import { moment, output, type RecordOptions, withRecord } from "./options.ts";
import { openReader } from "./reader.ts";
import { exit, type Verb } from "./verb.ts";

interface AuditOptions extends RecordOptions {
  readonly since?: number;
  readonly namespace?: string;
  readonly output: string;
}

export const audit: Verb = {
  examples: [
    "tidemill audit                       # exit code 1 when something does not add up",
    "tidemill audit --since 1h -o json",
  ],
  declare(command, { io, end }) {
    withRecord(command)
      .option("--since <TIME>", "events received since: 10m, or 2026-01-05T09:00:00Z", moment)
      .option("-n, --namespace <NAME>", "of this namespace")
      .addOption(output())
      .action(async ({ since, namespace, ...options }: AuditOptions) => {
        await using reader = await openReader(options);
        const sums = await reader.audit({
          ...(since === undefined ? {} : { fromUs: since }),
          ...(namespace === undefined ? {} : { namespace }),
        });
        if (options.output === "json") io.out(json(sums));
        else tell(sums, io);
        if (sums.missing.length > 0) end(exit.bad);
      });
  },
};

function tell(sums: Audit, io: Io): void {
  const line = (name: string, counts: Readonly<Record<string, number>>): string[] => [
    name,
    Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([word, count]) => `${count} ${word}`)
      .join(", ") || "none",
  ];
  io.out(table([line("receipts", sums.receipts), line("decisions", sums.decisions), line("firings", sums.firings)]));
  for (const { id, what } of sums.missing) io.out(`${io.paint("red", "✗")} ${id}: ${what}\n`);
  const ok = sums.missing.length === 0;
  io.out(ok ? `${io.paint("green", "✓")} everything adds up\n` : `${sums.missing.length} do not add up\n`);
}
