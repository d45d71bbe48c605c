import { cronHttp } from "./cron.ts";
import { redisHttp, snsHttp, sqsHttp } from "./queues.ts";
import type { Template } from "./template.ts";
import { hello, webhookHttp, webhookJob } from "./webhooks.ts";

/** What `tidemill init` can write; the first is the one it writes unless told otherwise. */
export const templates: readonly Template[] = [hello, webhookHttp, webhookJob, sqsHttp, snsHttp, redisHttp, cronHttp];
