import { createConnection } from "mysql2/promise";
import { afterAll, beforeAll } from "vitest";
import { describeWithServer } from "../../test/servers/describe.ts";
import { type MariadbServer, startMariadb } from "../../test/servers/mariadb.ts";
import { placeOf } from "./address.ts";
import { describeRecord } from "./conformance.ts";
import { describeHistories } from "./history/conformance.ts";
import { openStore } from "./open-store.ts";
import { shapes } from "./schema.ts";

describeWithServer("mariadb", () => {
  let server: MariadbServer;
  let databases = 0;

  beforeAll(async () => {
    server = await startMariadb();
  });
  afterAll(() => server.stop());

  describeRecord({
    name: "MariaDB",
    async fresh() {
      databases += 1;
      const connection = await createConnection(server.url);
      await connection.query(`CREATE DATABASE tide_${databases}`);
      await connection.end();
      return `${server.url}_${databases}`;
    },
    async alter(url, statements) {
      const connection = await createConnection(url);
      for (const statement of statements) await connection.query(statement);
      await connection.end();
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
