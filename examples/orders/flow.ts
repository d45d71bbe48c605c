import { fileURLToPath } from "node:url";
import { type Document, parseAllDocuments } from "yaml";
import { readFiles } from "../../src/manifests/files.ts";
import type { Manifests } from "../../src/manifests/manifests.ts";
import { planTexts } from "../../src/manifests/plan.ts";
import { lists } from "../../src/manifests/read.ts";
import type { Aws } from "./aws.ts";

/** What is different from run to run, and from one machine to another. */
export interface Site {
  readonly aws: Pick<Aws, "region" | "endpoint" | "keys" | "topicArn" | "queueName">;
  /** The port that the SNS source listens on, and the URL under which SNS reaches it. */
  readonly webhookPort: number;
  readonly publicUrl: string;
  readonly recorderUrl: string;
  /** Some stand-ins do not sign what they send. */
  readonly signed: boolean;
}

/** Where the manifests lie. */
export const manifestFolder = fileURLToPath(new URL("./manifests", import.meta.url));

/**
 * The manifests of this example with the values of this run in place of those that are written in them: the same that
 * a person edits for a real account. Everything else is as it stands in the files. Throws when a manifest is invalid.
 */
export async function manifestsFor(site: Site): Promise<Manifests> {
  const { texts, findings } = await readFiles([manifestFolder]);
  const placed = texts.map((one) => {
    const documents = parseAllDocuments(one.text);
    for (const document of documents) place(document as Document, site);
    return { ...one, text: documents.map(String).join("") };
  });
  const planned = planTexts(placed, lists);
  const errors = [...findings, ...planned.findings].filter(({ severity }) => severity === "error");
  if (errors.length > 0) {
    throw new Error(errors.map(({ file, line, message }) => `${file}:${line}: ${message}`).join("\n"));
  }
  return { ...planned, files: texts.map(({ file }) => file) };
}

const secretName = "stand-in";

/** The Secrets of the flow, as the environment variables that tidemill looks them up by. */
export function secretsFor(site: Pick<Site, "aws">, databaseUrl: string): Readonly<Record<string, string>> {
  const { keys } = site.aws;
  return {
    TIDEMILL_SECRET_ORDERS_DATABASE__URL: databaseUrl,
    ...(keys === undefined
      ? {}
      : {
          TIDEMILL_SECRET_STAND_IN__ACCESSKEY: keys.accessKeyId,
          TIDEMILL_SECRET_STAND_IN__SECRETKEY: keys.secretAccessKey,
        }),
  };
}

function place(document: Document, site: Site): void {
  const { region, endpoint, keys, topicArn, queueName } = site.aws;
  const upstream = {
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(keys === undefined
      ? {}
      : { accessKey: { name: secretName, key: "accesskey" }, secretKey: { name: secretName, key: "secretkey" } }),
  };
  const set = (path: readonly (string | number)[], values: Readonly<Record<string, unknown>>): void => {
    for (const [key, value] of Object.entries(values)) document.setIn([...path, key], value);
  };
  const which = `${document.get("kind")} ${document.getIn(["metadata", "name"])}`;
  if (which === "EventSource orders-topic") {
    const entry = ["spec", "sns", "order"];
    set(entry, { ...upstream, topicArn, validateSignature: site.signed });
    set([...entry, "webhook"], { port: String(site.webhookPort), url: site.publicUrl });
  }
  if (which === "EventSource orders-queue") set(["spec", "sqs", "order"], { ...upstream, queue: queueName });
  if (which === "Sensor orders-topic") {
    set(["spec", "triggers", 0, "template", "http"], { url: `${site.recorderUrl}/messages` });
  }
}
