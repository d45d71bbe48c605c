import { type Command, InvalidArgumentError, Option } from "commander";
import type { EgressPolicy } from "../kit/egress.ts";
import { type AllowRule, parseAllow } from "../lib/egress-rules.ts";

/** As commander gives them. */
export interface EgressOptions {
  readonly egress?: EgressPolicy["mode"];
  readonly egressAllow?: readonly AllowRule[];
}

/** What sources and triggers may connect to: of `run` and `dev`, and of `lint`, which tells what they would refuse. */
export function withEgress(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--egress <WHERE>",
        "what triggers and sources may connect to: also private networks and this machine (local), or the internet alone",
      )
        .env("TIDEMILL_EGRESS")
        .choices(["local", "public"])
        .default("local"),
    )
    .addOption(
      new Option(
        "--egress-allow <PLACE>",
        "private places allowed with public: HOST, *.HOST, an address or a range, each with :PORT if wanted; repeatable",
      )
        .env("TIDEMILL_EGRESS_ALLOW")
        .argParser(allowing),
    );
}

/** Several in one text are separated by commas: a variable of the environment is given once. */
function allowing(text: string, before: readonly AllowRule[] = []): readonly AllowRule[] {
  const rules = text.split(",").map((part) => {
    const rule = parseAllow(part.trim());
    if ("problem" in rule) throw new InvalidArgumentError(rule.problem);
    return rule;
  });
  return [...before, ...rules];
}

export function egressPolicy({ egress = "local", egressAllow = [] }: EgressOptions): EgressPolicy {
  return { mode: egress, allow: egressAllow };
}
