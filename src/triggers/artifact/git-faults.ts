import { type CodeName, TideError } from "../../lib/errors.ts";

/** What git, curl and ssh say, in English, with what it means. In this order: ssh ends with the same words for all. */
const meanings: readonly (readonly [RegExp, CodeName])[] = [
  [/cannot run ssh|ssh: not found|unable to find remote helper|not a git command/i, "SDK_MISSING"],
  [/couldn't find remote ref|not our ref|unadvertised object/i, "ARTIFACT_MISSING"],
  [
    /authentication failed|could not read (username|password)|permission denied|host key verification failed|access denied|returned error: 40[13]|dubious ownership|load key/i,
    "ARTIFACT_REFUSED",
  ],
  [
    /could not resolve host|failed to connect|couldn't connect|unable to connect|connection (refused|reset|closed|timed out)|timed? ?out|ssl|certificate|gnutls|early eof|rpc failed|empty reply|returned error: (5\d\d|429|408)|too slow|no route to host/i,
    "ARTIFACT_UNREACHABLE",
  ],
  [
    /repository .*not found|repository .*does not exist|could not be found|does not appear to be a git repository|not exported|returned error: (404|410)/i,
    "ARTIFACT_MISSING",
  ],
  [/remote end hung up|could not read from remote/i, "ARTIFACT_UNREACHABLE"],
];

const shownCharacters = 500;

/** Why a fetch failed, from what git wrote. */
export function gitFault(where: string, stderr: string): TideError {
  const code = meanings.find(([words]) => words.test(stderr))?.[1] ?? "ARTIFACT_UNREADABLE";
  return new TideError(code, `${where}: ${said(stderr)}${hint(stderr)}`);
}

/** Its lines that say something, in one. */
function said(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.replace(/^(fatal|error|remote): /, "").trim());
  const telling = lines.filter(
    (line) =>
      line !== "" && !/^(please make sure|and the repository exists|@{5,}|warning: permanently added)/i.test(line),
  );
  return telling.join("; ").slice(0, shownCharacters) || "git failed without a word";
}

function hint(stderr: string): string {
  if (/host key verification failed/i.test(stderr)) {
    return ": put the host's key into ~/.ssh/known_hosts or /etc/ssh/ssh_known_hosts (ssh-keyscan HOST shows it)";
  }
  if (/terminal prompts disabled/i.test(stderr)) return ": it wants a user and password, and there are none for it";
  return "";
}
