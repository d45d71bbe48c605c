import type { FieldPage } from "../manifests/explain-field.ts";
import { type Io, table } from "./io.ts";
import { exit, type Verb, type VerbContext } from "./verb.ts";

export const explain: Verb = {
  examples: [
    "tidemill explain TM1105              # what a code means, why it matters, what to do",
    "tidemill explain sensor.spec.triggers.template.http",
    "tidemill explain http.url            # an end that only one field has is enough",
    "tidemill explain eventsource.spec.webhook",
  ],
  declare(command, cx) {
    command
      .argument("WHAT", "a code (TMnnnn), or a field of a manifest by its dotted path")
      .action(async (what: string) => {
        if (/^tm\d+$/i.test(what)) await explainCode(what.toUpperCase(), cx);
        else await explainPath(what, cx);
      });
  },
};

async function explainCode(id: string, { io, end }: VerbContext): Promise<void> {
  const { codeOf } = await import("../lib/codes/page.ts");
  const { didYouMean } = await import("../lib/did-you-mean.ts");
  const { codes } = await import("../lib/codes/index.ts");
  const found = codeOf(id);
  if (found === undefined) {
    const meant = didYouMean(
      id,
      Object.values(codes).map((code) => code.id),
    );
    refuse(
      { io, end },
      `there is no code ${id}`,
      meant === undefined ? "see docs/reference/codes.md" : `did you mean ${meant}?`,
    );
    return;
  }
  const { name, code } = found;
  const parts = [`${io.paint("bold", code.id)}  ${name}`, code.says];
  if (code.why !== undefined) parts.push(code.why);
  if (code.example !== undefined)
    parts.push(`Before:\n${indent(code.example.before)}`, `After:\n${indent(code.example.after)}`);
  parts.push(`Fix: ${code.fix}`);
  if (code.retry === "backoff") parts.push("It is tried again by itself, after a pause.");
  io.out(`${parts.join("\n\n")}\n`);
}

async function explainPath(path: string, { io, end }: VerbContext): Promise<void> {
  const { explainField } = await import("../manifests/explain-field.ts");
  const { lists } = await import("../manifests/read.ts");
  const explained = explainField(path, lists);
  if ("page" in explained) io.out(fieldText(explained.page, io));
  else if ("several" in explained) {
    const shown = explained.several.slice(0, 20);
    const rest = explained.several.length - shown.length;
    refuse({ io, end }, `${path} is the end of ${explained.several.length} fields`, "write more of its path");
    io.err(`${shown.map((name) => `  ${name}\n`).join("")}${rest > 0 ? `  and ${rest} more\n` : ""}`);
  } else {
    const { meant } = explained;
    const hint = meant === undefined ? "begin with sensor, eventsource or eventbus" : `did you mean ${meant}?`;
    refuse({ io, end }, `there is no field ${path}`, hint);
  }
}

function refuse({ io, end }: Pick<VerbContext, "io" | "end">, message: string, hint: string): void {
  io.err(`error: ${message}; ${hint}\n`);
  end(exit.usage);
}

function fieldText(page: FieldPage, io: Io): string {
  const head: (readonly string[])[] = [["KIND", page.kind]];
  if (page.path !== "") head.push(["FIELD", page.path]);
  head.push(["TYPE", `${page.type}${page.required ? ", required" : ""}`]);
  if (page.default !== undefined) head.push(["DEFAULT", page.default]);
  if (page.extension) head.push(["EXTENSION", "Argo Events ignores it"]);
  const parts = [table(head), page.description === "" ? "" : `${page.description}\n`];
  if (page.fields.length > 0) {
    const rows = page.fields.map(({ name, type, required, description }) => [
      name,
      `<${type}>${required ? " required" : ""}`,
      description,
    ]);
    parts.push(`${io.paint("bold", "FIELDS")}\n${table(rows, "  ")}`);
  }
  return parts.filter((part) => part !== "").join("\n");
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}
