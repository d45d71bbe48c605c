import type { Command } from "commander";
import type { OperationAnswer } from "../console/operations.ts";
import { TideError } from "../lib/errors.ts";
import type { BulkPlan } from "../runtime/dead-letter-bulk.ts";
import type { DeadLetterResult } from "../runtime/dead-letter-change.ts";
import { canAsk, confirmed } from "./confirm.ts";
import { letterRow, type Page } from "./dlq-ls.ts";
import {
  type BeginOptions,
  configOption,
  type DlqFilterOptions,
  filtered,
  filterOf,
  hasFilter,
  withBegin,
} from "./dlq-options.ts";
import { followOperation, goesOn, tellEnd } from "./follow-operation.ts";
import { type Io, json, table } from "./io.ts";
import { output } from "./options.ts";
import { findServer, type Server } from "./server.ts";
import { exit, type VerbContext } from "./verb.ts";

interface BulkOptions extends DlqFilterOptions, BeginOptions {
  readonly all?: boolean;
  readonly edited?: boolean;
  readonly config?: string;
  readonly newKey?: boolean;
  readonly reason?: string;
  readonly output: string;
}

function bulk(command: Command): Command {
  return withBegin(filtered(command))
    .argument("[FIRING...]", "ids of firings; or --all, or filters")
    .option("--all", "all of them")
    .addOption(output());
}

export function retryCommand(command: Command, cx: VerbContext): Command {
  return bulk(command)
    .description("Put dead letters back into their queues, attempts from zero; many of them after a look at the plan")
    .addOption(configOption())
    .option("--edited", "also those that an edited copy went on from")
    .option("--new-key", "under a new idempotency key: the target takes it for a new call")
    .action((ids: readonly string[], options: BulkOptions) => runBulk(ids, { doing: "retry", options, cx }));
}

export function dropCommand(command: Command, cx: VerbContext): Command {
  return bulk(command)
    .description("Give dead letters up for good; many of them after a look at the plan")
    .option("--reason <TEXT>", "why: kept with the firing")
    .action((ids: readonly string[], options: BulkOptions) => runBulk(ids, { doing: "drop", options, cx }));
}

interface Doing {
  readonly doing: "retry" | "drop";
  readonly options: BulkOptions;
  readonly cx: VerbContext;
}

/** More become an operation of the server, which goes on whatever becomes of this process. */
const mostAtOnce = 100;

async function runBulk(ids: readonly string[], of: Doing): Promise<void> {
  const { options, cx } = of;
  checkChoice(ids, of);
  const server = await findServer(options);
  if (ids.length > 0) return change(ids, server, of);
  const query = queryOf(of);
  const body = JSON.stringify({ filter: filterOf(options) });
  const plan = await server.post<BulkPlan>(pathOf(of), body, { ...query, plan: true });
  if (plan.count === 0) {
    tellLeftOut(plan, cx.io);
    cx.io.err("no dead letters\n");
    if (options.output === "json") cx.io.out(json(options.dryRun === true ? { items: [], plan } : { items: [] }));
    return;
  }
  if (options.yes !== true || options.dryRun === true) tellPlan(plan, cx.io);
  if (options.dryRun === true) {
    if (options.output === "json") cx.io.out(json({ items: [], plan }));
    return;
  }
  if (options.yes !== true && !(await agreed(plan, cx))) return;
  const filter = { ...filterOf(options), untilUs: plan.asOfUs };
  if (plan.count <= mostAtOnce && options.rate === undefined) {
    const page = await server.get<Page>("/deadletters", { ...filter, limit: 10_000 });
    const also = options.edited === true || of.doing === "drop";
    const meant = page.items.filter(({ successor }) => also || successor === undefined);
    return change(
      meant.map(({ id }) => id),
      server,
      of,
    );
  }
  const begin = JSON.stringify({ filter, perSecond: options.rate });
  const { operation } = await server.post<{ readonly operation: OperationAnswer }>(pathOf(of), begin, query);
  await follow(operation, server, of);
}

async function follow(begun: OperationAnswer, server: Server, { options, cx }: Doing): Promise<void> {
  const { io } = cx;
  if (options.detach === true) {
    io.out(options.output === "json" ? json({ items: [], operation: begun }) : `${begun.id}\n`);
    io.err(goesOn(begun.id));
    return;
  }
  const operation = await followOperation(server, begun, { io });
  if (options.output !== "json") return tellEnd(operation, cx);
  io.out(json({ items: [], operation }));
  if (operation.state === "cancelled" || operation.state === "failed" || operation.failed > 0) cx.end(exit.bad);
}

/** Said before a server is looked for. Throws USAGE. */
function checkChoice(ids: readonly string[], { doing, options }: Doing): void {
  const { all, rate, dryRun } = options;
  const some = all === true || hasFilter(options);
  if (ids.length > 0 && some) throw new TideError("USAGE", "give ids, or --all or filters, not both");
  if (ids.length === 0 && !some) throw new TideError("USAGE", `give the ids to ${doing}, or --all, or a filter`);
  if (ids.length > 0 && (rate !== undefined || dryRun === true))
    throw new TideError("USAGE", "--rate and --dry-run are for --all and for filters");
}

function pathOf({ doing }: Doing): string {
  return `/deadletters/${doing}`;
}

function queryOf({ doing, options }: Doing): object {
  const { config, newKey, edited, reason } = options;
  return doing === "retry" ? { config, newKey, edited } : { reason };
}

function tellPlan(plan: BulkPlan, io: Io): void {
  const { action, count, oldestAt = "", by, sample, refused } = plan;
  io.err(`would ${action} ${count} dead letters, the oldest of ${oldestAt.slice(0, 19)}Z:\n`);
  const shares = by.map((one) => [String(one.count), `${one.sensor}/${one.trigger}`, one.code, one.target ?? ""]);
  io.err(table(shares, "  "));
  io.err(sample.length < count ? `the first ${sample.length}:\n` : "these:\n");
  io.err(table(sample.map(letterRow), "  "));
  if (refused > 0) io.err(`${refused} of them stay: their trigger is not among the manifests that run\n`);
  tellLeftOut(plan, io);
}

function tellLeftOut({ edited, unevaluated }: BulkPlan, io: Io): void {
  if (edited > 0) io.err(`${edited} are left alone, since an edited copy went on: add --edited for them too\n`);
  if (unevaluated !== undefined)
    io.err(`${unevaluated.count} are left alone, since --where cannot be evaluated: ${unevaluated.error}\n`);
}

async function agreed({ action, count }: BulkPlan, { io, end }: VerbContext): Promise<boolean> {
  if (!canAsk(io)) {
    io.err("add --yes to do it\n");
    end(exit.usage);
    return false;
  }
  if (await confirmed(`type ${count} to ${action} them: `, String(count))) return true;
  io.err("nothing was done\n");
  end(exit.usage);
  return false;
}

const idsPerCall = 1_000;

async function change(ids: readonly string[], server: Server, of: Doing): Promise<void> {
  const { options, cx } = of;
  const items: DeadLetterResult[] = [];
  for (let at = 0; at < ids.length; at += idsPerCall) {
    const body = JSON.stringify({ ids: ids.slice(at, at + idsPerCall) });
    const answer = await server.post<{ readonly items: readonly DeadLetterResult[] }>(pathOf(of), body, queryOf(of));
    items.push(...answer.items);
  }
  if (options.output === "json") cx.io.out(json({ items }));
  else cx.io.out(table(items.map(({ id, outcome, newId, reason }) => [id, outcome, newId ?? reason ?? ""])));
  if (items.some(({ outcome }) => outcome === "unknown" || outcome === "refused")) cx.end(exit.bad);
}
