import { isTide, messageOf } from "../../lib/errors.ts";
import type { Asked, QueryAnswer, QueryCall } from "./answer.ts";

/** The process that runs one query: it can be ended in the middle of a call that blocks. */
process.once("message", (call: QueryCall) => {
  void ask(call).then((asked) => process.send?.(asked, () => process.exit(0)));
});

async function ask(call: QueryCall): Promise<Asked> {
  try {
    return { answer: await answerOf(call) };
  } catch (error) {
    return { code: isTide(error) ? error.code : "RECORD_FAILED", message: messageOf(error) };
  }
}

async function answerOf(call: QueryCall): Promise<QueryAnswer> {
  switch (call.place.kind) {
    case "sqlite":
      return (await import("./sqlite-query.ts")).askSqlite(call);
    case "mysql":
      return (await import("./mysql-query.ts")).askMysql(call);
    case "postgres":
      return (await import("./postgres-query.ts")).askPostgres(call);
  }
}
