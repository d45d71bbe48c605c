import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { answersHttp } from "./answers.ts";
import { programPath } from "./recipes.ts";
import { type Server, startServer } from "./server.ts";

export interface PrometheusServer extends Server {
  readonly url: string;
  /** The result of an instant query. Throws what Prometheus says is wrong with it. */
  query(expression: string): Promise<readonly PrometheusSample[]>;
  /** `GET` of a path of its API, such as `/api/v1/rules`; its `data`. */
  api(path: string): Promise<unknown>;
}

export interface PrometheusSample {
  readonly metric: Readonly<Record<string, string>>;
  /** Time in seconds, and the value as text. */
  readonly value: readonly [number, string];
}

/** A Prometheus 2 with this configuration; paths in it must be absolute. */
export async function startPrometheus(config: string): Promise<PrometheusServer> {
  const server = await startServer({
    name: "prometheus",
    command: async ({ port, folder }) => {
      const file = join(folder, "prometheus.yml");
      await writeFile(file, config);
      return {
        program: programPath("prometheus"),
        args: [
          ...[`--config.file=${file}`, `--storage.tsdb.path=${join(folder, "data")}`],
          `--web.listen-address=127.0.0.1:${port}`,
        ],
      };
    },
    answers: (port, signal) => answersHttp(port, "/-/ready", signal),
  });
  const url = `http://127.0.0.1:${server.port}`;
  const api = async (path: string): Promise<unknown> => {
    const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(10_000) });
    const { data, error } = (await response.json()) as { readonly data?: unknown; readonly error?: string };
    if (error !== undefined) throw new Error(`${path}: ${error}`);
    return data;
  };
  const query = async (expression: string): Promise<readonly PrometheusSample[]> => {
    const data = await api(`/api/v1/query?query=${encodeURIComponent(expression)}`);
    return (data as { readonly result: readonly PrometheusSample[] }).result;
  };
  return Object.assign(server, { url, api, query });
}
