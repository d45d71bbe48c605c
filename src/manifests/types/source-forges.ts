import { list, object, optional, secretRef, text, whole } from "../../kit/fields.ts";
import { allOrNone, badValue, conflict, missing, needs, present, tlsRules, webhookRules } from "../../kit/rules.ts";
import { basicAuth, commonSourceFields, githubApp, tlsConfig, webhookContext } from "../../kit/schemas.ts";
import { parseDurationMs } from "../../lib/duration.ts";
import { type DescribedType, describe, toggle, word } from "./described.ts";

const events = optional(list(text({ description: "Event type." }), { description: "Event types." }));
const webhook = optional(webhookContext({ description: "Where the callbacks arrive." }));
const deleteHookOnFinish = toggle("Delete the hook at the end.");

function names(description: string) {
  return optional(list(text({ description: "Name." }), { description }));
}

const github = describe({
  kind: "github",
  title: "GitHub",
  summary: "Takes GitHub's webhooks, and registers them.",
  config: object(
    {
      ...commonSourceFields,
      id: optional(whole({ description: "Of old manifests; without effect." })),
      webhook,
      owner: word("Owner of `repository` (old form)."),
      repository: word("Repository (old form)."),
      repositories: optional(
        list(
          object(
            { owner: word("User or organisation."), names: names("Repositories.") },
            { description: "Repositories of one owner." },
          ),
          { description: "Repositories." },
        ),
      ),
      organizations: names("Organisations."),
      events,
      apiToken: optional(secretRef({ description: "API token." })),
      githubApp: optional(githubApp({ description: "Credentials of a GitHub App." })),
      webhookSecret: optional(secretRef({ description: "Secret that signs the callbacks." })),
      insecure: toggle("GitHub does not verify the certificate."),
      active: toggle("The hook is active."),
      contentType: word("json or form."),
      githubBaseURL: word("API of GitHub Enterprise."),
      githubUploadURL: word("Upload URL of GitHub Enterprise."),
      deleteHookOnFinish,
    },
    { description: "Webhooks of GitHub." },
  ),
  lint(config) {
    const found = webhookRules(config.webhook, ["webhook"]);
    const repositories = present(config.repositories) || (present(config.owner) && present(config.repository));
    const organizations = present(config.organizations);
    if (!repositories && !organizations) {
      found.push(missing([], "one of repositories, organizations is needed", "Add one of them."));
    } else if (repositories && organizations) {
      found.push(conflict(["organizations"], "repositories and organizations exclude each other", "Keep one of them."));
    }
    const registers = (config.apiToken || config.githubApp) && present(config.webhook?.url);
    if (registers) found.push(...needs(config, ["events"]));
    if (present(config.contentType) && config.contentType !== "json" && config.contentType !== "form") {
      found.push(badValue(["contentType"], `contentType cannot be ${config.contentType}`, "Write json or form."));
    }
    found.push(...allOrNone(config, ["githubBaseURL", "githubUploadURL"]));
    return found;
  },
});

const gitlab = describe({
  kind: "gitlab",
  title: "GitLab",
  summary: "Takes GitLab's webhooks, and registers them.",
  config: object(
    {
      ...commonSourceFields,
      webhook,
      projectID: word("Project (old form)."),
      projects: names("Projects, by id or path."),
      groups: names("Groups, by id or path."),
      events,
      accessToken: optional(secretRef({ description: "Access token." })),
      secretToken: optional(secretRef({ description: "Token that callbacks carry." })),
      enableSSLVerification: toggle("GitLab verifies the certificate."),
      gitlabBaseURL: word("URL of GitLab."),
      deleteHookOnFinish,
    },
    { description: "Webhooks of GitLab." },
  ),
  lint: (config) => [
    ...webhookRules(config.webhook, ["webhook"]),
    ...needs(config, ["events", "gitlabBaseURL", "accessToken"]),
  ],
});

const gerrit = describe({
  kind: "gerrit",
  title: "Gerrit",
  summary: "Takes callbacks of Gerrit's webhooks plugin.",
  config: object(
    {
      ...commonSourceFields,
      webhook,
      hookName: word("Name of the hook."),
      events,
      auth: optional(basicAuth({ description: "User name and password." })),
      gerritBaseURL: word("URL of Gerrit."),
      projects: names("Projects."),
      sslVerify: toggle("Gerrit verifies the certificate."),
      maxTries: optional(whole({ description: "How often Gerrit tries." })),
      deleteHookOnFinish,
    },
    { description: "Webhooks of Gerrit." },
  ),
  lint: (config) => [
    ...webhookRules(config.webhook, ["webhook"]),
    ...needs(config, ["projects", "events", "gerritBaseURL"]),
    ...(config.auth ? needs(config.auth, ["username", "password"], ["auth"]) : needs(config, ["auth"])),
  ],
});

const slugs = (owner: string) =>
  optional(
    list(object({ [owner]: word("Owner."), repositorySlug: word("Repository.") }, { description: "A repository." }), {
      description: "Repositories.",
    }),
  );

const bitbucket = describe({
  kind: "bitbucket",
  title: "Bitbucket Cloud",
  summary: "Takes Bitbucket Cloud's webhooks, and registers them.",
  config: object(
    {
      ...commonSourceFields,
      webhook,
      auth: optional(
        object(
          {
            basic: optional(basicAuth({ description: "User name and app password." })),
            oauthToken: optional(secretRef({ description: "OAuth token." })),
          },
          { description: "How to authenticate." },
        ),
      ),
      events,
      owner: word("Owner of `repositorySlug` (old form)."),
      repositorySlug: word("Repository (old form)."),
      projectKey: word("Project (old form)."),
      repositories: slugs("owner"),
      deleteHookOnFinish,
    },
    { description: "Webhooks of Bitbucket Cloud." },
  ),
  lint(config) {
    const found = webhookRules(config.webhook, ["webhook"]);
    if (!present(config.repositories) && !(present(config.owner) && present(config.repositorySlug))) {
      found.push(missing(["repositories"], "at least one repository is needed", "Add repositories."));
    }
    if (present(config.webhook?.url)) found.push(...needs(config, ["events"]));
    return found;
  },
});

const bitbucketserver = describe({
  kind: "bitbucketserver",
  title: "Bitbucket Server",
  summary: "Takes Bitbucket Server's webhooks, and registers them.",
  config: object(
    {
      ...commonSourceFields,
      webhook,
      projectKey: word("Project of `repositorySlug` (old form)."),
      repositorySlug: word("Repository (old form)."),
      projects: names("Projects."),
      repositories: slugs("projectKey"),
      events,
      skipBranchRefsChangedOnOpenPR: toggle("Drop changes of branches with an open pull request."),
      oneEventPerChange: toggle("One event for each change of a push."),
      accessToken: optional(secretRef({ description: "Access token." })),
      webhookSecret: optional(secretRef({ description: "Secret that signs the callbacks." })),
      bitbucketserverBaseURL: word("URL of the REST API."),
      checkInterval: word("Pause between looks at the hooks; 1m by default."),
      tls: optional(tlsConfig({ description: "TLS towards the server." })),
      deleteHookOnFinish,
    },
    { description: "Webhooks of Bitbucket Server." },
  ),
  lint(config) {
    const found = [...webhookRules(config.webhook, ["webhook"]), ...needs(config, ["bitbucketserverBaseURL"])];
    if (present(config.webhook?.url)) found.push(...needs(config, ["events"]));
    if (present(config.checkInterval) && parseDurationMs(config.checkInterval ?? "") === undefined) {
      found.push(badValue(["checkInterval"], `${config.checkInterval} is no duration`, "Write it as 1m or 30s."));
    }
    found.push(...tlsRules(config.tls, ["tls"]));
    return found;
  },
});

const slack = describe({
  kind: "slack",
  title: "Slack",
  summary: "Takes Slack's events, commands and interactions.",
  config: object(
    {
      ...commonSourceFields,
      signingSecret: optional(secretRef({ description: "Secret that signs the requests." })),
      token: optional(secretRef({ description: "Token of the app." })),
      webhook,
    },
    { description: "Requests of Slack." },
  ),
  lint: (config) => [...webhookRules(config.webhook, ["webhook"]), ...needs(config, ["token", "signingSecret"])],
});

const stripe = describe({
  kind: "stripe",
  title: "Stripe",
  summary: "Takes Stripe's webhooks.",
  config: object(
    {
      metadata: commonSourceFields.metadata,
      webhook,
      createWebhook: toggle("Register the endpoint at Stripe."),
      apiKey: optional(secretRef({ description: "API key; needed with createWebhook." })),
      eventFilter: optional(list(text({ description: "Event type." }), { description: "Event types that are taken." })),
    },
    { description: "Webhooks of Stripe." },
  ),
  lint: (config) => [
    ...webhookRules(config.webhook, ["webhook"]),
    ...(config.createWebhook ? needs(config, ["apiKey"]) : []),
  ],
});

export const forgeSources: readonly DescribedType[] = [
  github,
  gitlab,
  gerrit,
  bitbucket,
  bitbucketserver,
  slack,
  stripe,
];
