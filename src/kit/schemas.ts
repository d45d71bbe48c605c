import { z } from "zod";
import {
  configMapRef,
  duration,
  flag,
  json,
  list,
  map,
  number,
  object,
  optional,
  secretRef,
  text,
  whole,
} from "./fields.ts";
import { guardFields } from "./webhook-guard-fields.ts";

/**
 * Pieces of configuration that several source and trigger types share (reference 0). Functions, so that each use can
 * say in its own words what it is for.
 */
interface Said {
  readonly description: string;
}

/** TLS towards a server. */
export function tlsConfig(field: Said) {
  return object(
    {
      caCertSecret: optional(secretRef({ description: "CA certificate (PEM) to trust instead of the system's." })),
      clientCertSecret: optional(secretRef({ description: "Client certificate (PEM); needs clientKeySecret." })),
      clientKeySecret: optional(secretRef({ description: "Key of the client certificate (PEM)." })),
      insecureSkipVerify: optional(flag({ description: "Accept any server certificate. For tests only." })),
      enabled: optional(flag({ description: "Use TLS with the system's CAs when no certificate is given." })),
    },
    field,
  );
}

/** User name and password, each in a Secret. */
export function basicAuth(field: Said) {
  return object(
    {
      username: optional(secretRef({ description: "User name." })),
      password: optional(secretRef({ description: "Password." })),
    },
    field,
  );
}

/** SASL towards Kafka. */
export function saslConfig(field: Said) {
  return object(
    {
      mechanism: optional(
        text({ description: "OAUTHBEARER, PLAIN (default), SCRAM-SHA-256, SCRAM-SHA-512 or GSSAPI." }),
      ),
      userSecret: optional(secretRef({ description: "User name." })),
      passwordSecret: optional(secretRef({ description: "Password." })),
    },
    field,
  );
}

/** The first of basic, token, nkey and credential that is there is used. */
export function natsAuth(field: Said) {
  return object(
    {
      basic: optional(basicAuth({ description: "User name and password." })),
      token: optional(secretRef({ description: "Token." })),
      nkey: optional(secretRef({ description: "NKey seed." })),
      credential: optional(secretRef({ description: "Credentials file (JWT and seed)." })),
    },
    field,
  );
}

/** Pauses between tries. `steps` counts all tries, the first included; absent or at most 0 means 5. */
export function backoff(field: Said) {
  return object(
    {
      duration: optional(duration({ description: "First pause: Go duration or nanoseconds. Default 1s." })),
      factor: optional(number({ description: "Each pause is this times the one before. Default 1." })),
      jitter: optional(number({ description: "Spread of a pause: d * (1 + jitter * random). Default 1." })),
      steps: optional(whole({ description: "Tries in all, the first included. Default 5." })),
    },
    field,
  );
}

/** The fields of a WebhookContext: inline in `webhook`, under `webhook:` in the types that register a callback. */
export const webhookFields = {
  endpoint: optional(text({ description: "Exact path that is served, such as /orders." })),
  method: optional(text({ description: "HTTP method that is accepted, such as POST." })),
  port: optional(text({ description: 'Port to listen on, as text: "12000".' })),
  url: optional(text({ description: "Public base URL that providers are told to call." })),
  serverCertSecret: optional(secretRef({ description: "Server certificate (PEM) for HTTPS; needs serverKeySecret." })),
  serverKeySecret: optional(secretRef({ description: "Key of the server certificate (PEM)." })),
  metadata: optional(map(text({ description: "Value." }), { description: "Constant keys put into the event's data." })),
  authSecret: optional(secretRef({ description: "Token that callers must send as `Authorization: Bearer`." })),
  maxPayloadSize: optional(whole({ description: "Largest body in bytes. Default 1048576." })),
  ...guardFields,
} as const;

export function webhookContext(field: Said) {
  return object(webhookFields, field);
}

/** `filter.expression` of an event source entry. */
export function eventSourceFilter() {
  return object(
    { expression: optional(text({ description: "Boolean expression over the event's data; false drops it." })) },
    { description: "Drops events before they reach the bus." },
  );
}

/** The fields that most event source types have. */
export const commonSourceFields = {
  metadata: optional(map(text({ description: "Value." }), { description: "Constant keys put into the event's data." })),
  filter: optional(eventSourceFilter()),
} as const;

/** One object in S3 or what speaks its protocol. */
export function s3Artifact(field: Said) {
  return object(
    {
      endpoint: optional(text({ description: "Host and port of the S3 server." })),
      bucket: optional(
        object(
          {
            name: optional(text({ description: "Name of the bucket." })),
            key: optional(text({ description: "Key of the object." })),
          },
          { description: "Bucket and key." },
        ),
      ),
      region: optional(text({ description: "Region." })),
      insecure: optional(flag({ description: "Plain HTTP instead of HTTPS." })),
      accessKey: optional(secretRef({ description: "Access key id." })),
      secretKey: optional(secretRef({ description: "Secret access key." })),
      events: optional(list(text({ description: "Event name." }), { description: "Bucket events to subscribe to." })),
      filter: optional(
        object(
          {
            prefix: optional(text({ description: "Beginning of the key." })),
            suffix: optional(text({ description: "End of the key." })),
          },
          { description: "Which keys." },
        ),
      ),
      metadata: optional(map(text({ description: "Value." }), { description: "Constant keys for the event's data." })),
      caCertificate: optional(secretRef({ description: "CA certificate (PEM) to trust." })),
    },
    field,
  );
}

/** The fields of a WatchPathConfig; exactly one of `path` and `pathRegexp`. */
export const watchPathFields = {
  directory: optional(text({ description: "Absolute path of the folder that is watched." })),
  path: optional(text({ description: "Path in the folder." })),
  pathRegexp: optional(text({ description: "Regular expression (RE2) that a path in the folder must match." })),
} as const;

export function watchPath(field: Said) {
  return object(watchPathFields, field);
}

/** Confluent schema registry. */
export function schemaRegistry(field: Said) {
  return object(
    {
      url: optional(text({ description: "URL of the registry." })),
      schemaId: optional(whole({ description: "Id of the schema." })),
      auth: optional(basicAuth({ description: "User name and password for the registry." })),
    },
    field,
  );
}

/** A value that stands in a Secret or a ConfigMap. */
function valueFromSource(field: Said) {
  return object(
    {
      secretKeyRef: optional(secretRef({ description: "Key of a Secret." })),
      configMapKeyRef: optional(configMapRef({ description: "Key of a ConfigMap." })),
    },
    field,
  );
}

/** A header whose value stands in a Secret or a ConfigMap. */
export function secureHeader(field: Said) {
  return object(
    {
      name: optional(text({ description: "Name of the header." })),
      valueFrom: optional(valueFromSource({ description: "Where the value stands." })),
    },
    field,
  );
}

/** One parameter: a value of an event (`src`) put at a place (`dest`); reference 3.7. */
export function triggerParameter(field: Said) {
  return object(
    {
      src: object(
        {
          dependencyName: text({ description: "Dependency whose event is read." }),
          contextKey: optional(text({ description: "Field of the event's context, such as id or time." })),
          contextTemplate: optional(text({ description: "Go template over the event's context." })),
          dataKey: optional(text({ description: "gjson path into the event's data." })),
          dataTemplate: optional(text({ description: "Go template over the event's data." })),
          value: optional(z.string().nullable().meta({ description: "Used when the event has no value there." })),
          useRawData: optional(flag({ description: "Keep numbers, objects and lists as they are, not as text." })),
        },
        { description: "What is read." },
      ),
      dest: text({ description: "sjson path that is set." }),
      operation: optional(
        z
          .enum(["", "overwrite", "append", "prepend"])
          .meta({ description: "What happens with the value already there. Default overwrite." }),
      ),
    },
    field,
  );
}

export function triggerParameters(field: Said) {
  return list(triggerParameter({ description: "One parameter." }), field);
}

/** Where a resource or another text comes from; the first one that is there is used (reference 5). */
export function artifactLocation(field: Said) {
  return object(
    {
      s3: optional(s3Artifact({ description: "An object in S3." })),
      inline: optional(text({ description: "YAML or JSON text." })),
      file: optional(
        object({ path: optional(text({ description: "Path of the file." })) }, { description: "A local file." }),
      ),
      url: optional(
        object(
          {
            path: optional(text({ description: "The URL; its answer must be 200." })),
            verifyCert: optional(
              flag({ description: "Verify the server's certificate. Default true; in Argo Events false." }),
            ),
          },
          { description: "What an HTTP server answers." },
        ),
      ),
      git: optional(gitArtifact({ description: "A file in a git repository." })),
      configmap: optional(configMapRef({ description: "Key of a ConfigMap." })),
      resource: optional(json({ description: "A Kubernetes object, written in place." })),
    },
    field,
  );
}

export function githubApp(field: Said) {
  return object(
    {
      privateKey: optional(secretRef({ description: "Private key of the app (PEM)." })),
      appID: optional(whole({ description: "Id of the app." })),
      installationID: optional(whole({ description: "Id of the installation." })),
    },
    field,
  );
}

function gitArtifact(field: Said) {
  return object(
    {
      url: optional(
        text({ description: "URL of the repository: https, http, ssh, git or file, or user@host:path for ssh." }),
      ),
      cloneDirectory: optional(
        text({ description: "Accepted, and without effect: what is fetched is kept in a folder of the process." }),
      ),
      creds: optional(basicAuth({ description: "User name and password, for https." })),
      githubApp: optional(githubApp({ description: "Credentials of a GitHub App, for https." })),
      sshKeySecret: optional(secretRef({ description: "SSH private key. Without one the SSH agent is asked." })),
      filePath: optional(text({ description: "Path of the file in the repository." })),
      branch: optional(text({ description: "Branch. Default master." })),
      tag: optional(text({ description: "Tag; wins over branch." })),
      ref: optional(
        text({ description: "Reference, such as refs/heads/main, or the id of a commit; wins over tag and branch." }),
      ),
      remote: optional(
        object(
          {
            name: optional(text({ description: "Name of the remote; without effect." })),
            urls: optional(list(text({ description: "URL." }), { description: "Its URLs; the first is read." })),
          },
          { description: "Remote to read from instead of url." },
        ),
      ),
      insecureIgnoreHostKey: optional(
        flag({ description: "Accept any SSH host key. Otherwise it must be in a known_hosts file." }),
      ),
    },
    field,
  );
}
