import { refusalIn } from "../../kit/egress.ts";
import { type CodeName, codeOf, messageOf, TideError } from "../../lib/errors.ts";
import { recordOf } from "../../lib/json.ts";
import { connectionFault } from "../http/faults.ts";

/** What nodemailer threw, in our codes: a server's 5xx is final, its 4xx passes. */
export function mailFault(doing: string, error: unknown): TideError {
  const refusal = refusalIn(error);
  if (refusal !== undefined) return refusal;
  if (error instanceof TideError) return error;
  return new TideError(codeNameOf(error), `${doing}: ${messageOf(error)}`, { cause: error });
}

function codeNameOf(error: unknown): CodeName {
  const { code, originalCode, responseCode, command } = recordOf(error instanceof Error ? { ...error } : undefined);
  if (typeof responseCode === "number" && responseCode >= 500) return "MAIL_REFUSED";
  if (typeof responseCode === "number" && responseCode >= 400) return "MAIL_DEFERRED";
  // nodemailer's own word stands over Node's
  const known = connectionFault(typeof originalCode === "string" ? originalCode : (codeOf(error) ?? ""), error);
  if (known !== undefined) return known;
  if (code === "EDNS") return "TARGET_UNREACHABLE";
  if (code === "ETLS") return "TARGET_TLS";
  if (code === "ETIMEDOUT") return command === "CONN" ? "TARGET_UNREACHABLE" : "TARGET_TIMEOUT";
  if (code === "EAUTH" || code === "EENVELOPE" || code === "EMESSAGE") return "MAIL_REFUSED";
  return "TARGET_RESET";
}
