import { Option } from "commander";
import type { OperationAnswer } from "../console/operations.ts";
import { TideError } from "../lib/errors.ts";
import type { ReplayPlan } from "../runtime/replay.ts";
import { canAsk, confirmed } from "./confirm.ts";
import { type BeginOptions, withBegin } from "./dlq-options.ts";
import { followOperation, goesOn, tellEnd } from "./follow-operation.ts";
import { type Io, json, table } from "./io.ts";
import { moment, output, type ServerOptions, withServer } from "./options.ts";
import { findServer, type Server } from "./server.ts";
import { exit, type Verb, type VerbContext } from "./verb.ts";

interface ReplayOptions extends ServerOptions, BeginOptions {
  readonly from?: number;
  readonly to?: number;
  readonly where?: string;
  readonly source?: readonly string[];
  readonly eventId?: readonly string[];
  readonly toTrigger?: string;
  readonly config: string;
  readonly derived?: boolean;
  readonly replayId?: string;
  readonly namespace?: string;
  readonly output: string;
}

export const replay: Verb = {
  examples: [
    "tidemill replay --from 1h --dry-run",
    "tidemill replay --from 2026-01-05T09:00:00Z --to 2026-01-05T10:00:00Z --source web/orders --rate 50/s",
    "tidemill replay --from 1d --where 'data.body.amount > 100' --to-trigger orders/invoice",
    "tidemill replay --event-id EVENT --yes",
    "tidemill replay --from 1h --config original   # as it was decided then",
  ],
  declare(command, cx) {
    withBegin(withServer(command))
      .description("Put kept events on the bus again, as new occurrences that are marked as replayed")
      .option("--from <TIME>", "received since: 1h, or 2026-01-05T09:00:00Z", moment)
      .option("--to <TIME>", "and before; now unless given", moment)
      .option("--where <EXPR>", "for which this holds: data, source, subject, type, time, id")
      .option("--source <GLOB>", "of these: EVENTSOURCE, or EVENTSOURCE/EVENT; may be given again", gathered)
      .option("--event-id <ID...>", "these events alone, whenever they came")
      .option("--to-trigger <SENSOR/TRIGGER>", "only this trigger sees them")
      .addOption(
        new Option("--config <WHICH>", "decided by today's manifests, or by those that decided then")
          .choices(["current", "original"])
          .default("current"),
      )
      .option("--derived", "also replays, and what triggers made of other events")
      .option("--replay-id <ID>", "the same again makes duplicates, and no new events")
      .option("-n, --namespace <NAME>", "of this namespace")
      .addOption(output())
      .action((options: ReplayOptions) => runReplay(options, cx));
  },
};

function gathered(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

async function runReplay(options: ReplayOptions, cx: VerbContext): Promise<void> {
  const { io } = cx;
  const { from, eventId, output: format } = options;
  if (from === undefined && eventId === undefined)
    throw new TideError("USAGE", "give --from, or the events with --event-id");
  const server = await findServer(options);
  const plan = await server.post<ReplayPlan>("/replay", bodyOf(options), { plan: true });
  if (options.yes !== true || options.dryRun === true || plan.count === 0) tellPlan(plan, io);
  if (options.dryRun === true || plan.count === 0) {
    if (format === "json") io.out(json({ plan }));
    if (plan.missing !== undefined && plan.missing.length > 0) cx.end(exit.bad);
    return;
  }
  if (options.yes !== true && !(await agreed(plan, cx))) return;
  const operation = await begin(server, plan, { options, cx });
  if (format === "json") io.out(json({ plan, operation }));
  else if (options.detach === true) io.out(`${operation.id}\n`);
  else tellEnd(operation, cx);
  if (format === "json" && (operation.state === "failed" || operation.failed > 0)) cx.end(exit.bad);
}

async function begin(
  server: Server,
  plan: ReplayPlan,
  { options, cx }: { readonly options: ReplayOptions; readonly cx: VerbContext },
): Promise<OperationAnswer> {
  const { replayId, spec } = plan;
  // what comes between the plan and the start is not meant
  const body = bodyOf({ ...options, replayId, to: spec.toUs });
  const { operation } = await server.post<{ readonly operation: OperationAnswer }>("/replay", body);
  if (options.detach !== true) return followOperation(server, operation, cx);
  cx.io.err(goesOn(operation.id));
  return operation;
}

function bodyOf(options: ReplayOptions): string {
  const { from, to, where, source, eventId, toTrigger, config, derived, replayId, namespace, rate } = options;
  return JSON.stringify({
    ...{ fromUs: from, toUs: to, where, sources: source, eventIds: eventId, toTrigger },
    ...{ config, derived, replayId, namespace, perSecond: rate },
  });
}

function tellPlan(plan: ReplayPlan, io: Io): void {
  const { count, bytes, bySource, sample, kept, skipped, unevaluated, missing = [], notes, replayId } = plan;
  io.err(`would replay ${count} events (${bytes} bytes) as ${replayId}\n`);
  io.err(
    table(
      bySource.map((one) => [String(one.count), `${one.source}/${one.subject}`]),
      "  ",
    ),
  );
  if (sample.length > 0) io.err(sample.length < count ? `the first ${sample.length}:\n` : "these:\n");
  const rows = sample.map(({ receivedAt, id, source, subject }) => [
    receivedAt.slice(0, 23),
    id,
    `${source}/${subject}`,
  ]);
  io.err(table(rows, "  "));
  for (const { namespace, bus, oldestAt, cut } of kept)
    if (cut) io.err(`retention took what bus ${namespace}/${bus} had before ${oldestAt?.slice(0, 23) ?? ""}Z\n`);
  if (skipped.replayed > 0)
    io.err(`${skipped.replayed} are left out, since they are replays: --derived takes them too\n`);
  if (skipped.derived > 0)
    io.err(`${skipped.derived} are left out, since triggers made them of other events: --derived takes them too\n`);
  if (unevaluated !== undefined)
    io.err(`${unevaluated.count} are left out, since --where cannot be evaluated: ${unevaluated.error}\n`);
  for (const id of missing.slice(0, 10)) io.err(`${id} is not kept (any more)\n`);
  for (const note of notes) io.err(`${note}\n`);
}

async function agreed({ count }: ReplayPlan, { io, end }: VerbContext): Promise<boolean> {
  if (!canAsk(io)) {
    io.err("add --yes to do it\n");
    end(exit.usage);
    return false;
  }
  if (await confirmed(`type ${count} to replay them: `, String(count))) return true;
  io.err("nothing was done\n");
  end(exit.usage);
  return false;
}
