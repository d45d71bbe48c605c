import { Client } from "pg";
import { afterAll, beforeAll } from "vitest";
import { describeWithServer } from "../../test/servers/describe.ts";
import { type PostgresServer, startPostgres } from "../../test/servers/postgres.ts";
import { placeOf } from "./address.ts";
import { describeRecord } from "./conformance.ts";
import { describeHistories } from "./history/conformance.ts";
import { openStore } from "./open-store.ts";
import { shapes } from "./schema.ts";

describeWithServer("postgres", () => {
  let server: PostgresServer;
  let schemas = 0;

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  const run = async (statements: readonly string[]): Promise<void> => {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    for (const statement of statements) await client.query(statement);
    await client.end();
  };

  describeRecord({
    name: "Postgres",
    async fresh() {
      schemas += 1;
      await run([`CREATE SCHEMA s${schemas}`]);
      return `${server.url}?schema=s${schemas}`;
    },
    async alter(url, statements) {
      await run([`SET search_path TO ${new URL(url).searchParams.get("schema")}`, ...statements]);
    },
    withPassword: (url) => url.replace("tide@", "tide:mill@"),
  });

  describeHistories({
    runs: 20,
    async withStore(step) {
      const store = await openStore({ place: placeOf(server.url), readOnly: false, busyTimeoutMs: 2_000 });
      try {
        await store.write(async (session) => {
          for (const table of Object.keys(shapes)) await session.run(`DELETE FROM ${table}`);
        });
        await step(store);
      } finally {
        await store.close();
      }
    },
  });
});
