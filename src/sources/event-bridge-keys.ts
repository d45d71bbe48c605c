import type { Member, WebRequest } from "../kit/webhook.ts";
import { messageOf } from "../lib/errors.ts";
import type { Desk } from "./event-bridge.ts";
import { type Claim, isSignedWith, readClaim, type SignatureFault, wrongSignature } from "./event-bridge-signature.ts";

/** Who a request was let in for. */
export interface Admission {
  /** Of these entries it may put events on the bus: those without keys, and those with the key it is signed with. */
  readonly admits: ReadonlySet<Desk>;
  /** That of the signature's scope. */
  readonly region: string | undefined;
}

/**
 * Whether a request is signed as the entries of this place want it. Where none has keys, anybody may send, and a signature
 * means nothing. Where one has, each request must be signed with a key of one of them.
 */
export async function admit(
  request: WebRequest,
  members: readonly Member<Desk>[],
  nowMs: number,
): Promise<Admission | SignatureFault> {
  const desks = members.map(({ value }) => value);
  const open = desks.filter(({ cx }) => !cx.config.accessKey || !cx.config.secretKey);
  if (open.length === desks.length) return { admits: new Set(open), region: undefined };
  const claim = readClaim(request, { service: "events", nowMs });
  if ("code" in claim) return claim;
  const signed: Desk[] = [];
  let fault: SignatureFault = {
    status: 403,
    code: "UnrecognizedClientException",
    message: "The security token included in the request is invalid.",
  };
  for (const desk of desks) {
    if (open.includes(desk)) continue;
    const verdict = await judge(desk, claim, request);
    if (verdict === "signed") signed.push(desk);
    else if (verdict !== "stranger") fault = verdict;
  }
  return signed.length === 0 ? fault : { admits: new Set([...open, ...signed]), region: claim.region };
}

async function judge({ cx }: Desk, claim: Claim, request: WebRequest): Promise<"signed" | "stranger" | SignatureFault> {
  const { accessKey, secretKey, region } = cx.config;
  if (!accessKey || !secretKey) return "stranger";
  try {
    if ((await cx.secret(accessKey)) !== claim.accessKeyId) return "stranger";
    if (!isSignedWith(await cx.secret(secretKey), claim, request)) return wrongSignature;
  } catch (error) {
    cx.log.warn({ error: messageOf(error) }, "the keys of an event bus cannot be read: nobody can be let in");
    return { status: 500, code: "InternalException", message: "the keys of the event bus cannot be read" };
  }
  if (region === undefined || region === "" || region === claim.region) return "signed";
  return { status: 403, code: "InvalidSignatureException", message: "Credential should be scoped to a valid region." };
}
