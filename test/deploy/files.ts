import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

export const root = fileURLToPath(new URL("../../", import.meta.url));
export const deploy = join(root, "deploy");

export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly {
    readonly expr: string;
    readonly legendFormat: string;
    readonly datasource: { readonly uid: string };
  }[];
}

export interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
  };
}

export async function alerts(): Promise<readonly Alert[]> {
  const text = await readFile(join(deploy, "prometheus", "alerts.yml"), "utf8");
  return (parse(text) as { readonly groups: readonly { readonly rules: readonly Alert[] }[] }).groups.flatMap(
    ({ rules }) => rules,
  );
}

/** The file names of the dashboards. */
export const dashboards = ["dashboard.json", "jobs.json"] as const;

export async function dashboard(name: (typeof dashboards)[number]): Promise<Dashboard> {
  return JSON.parse(await readFile(join(deploy, "grafana", name), "utf8")) as Dashboard;
}

/** The queries of all panels, with values in place of Grafana's own variables. */
export function queriesOf({
  panels,
}: Dashboard): readonly { readonly panel: Panel; readonly expr: string; readonly legend: string }[] {
  return panels.flatMap((panel) =>
    (panel.targets ?? []).map(({ expr, legendFormat }) => ({
      panel,
      expr: expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$(namespace|sensor)/g, ".*"),
      legend: legendFormat,
    })),
  );
}
