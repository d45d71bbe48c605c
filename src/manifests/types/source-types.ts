import type { DescribedType } from "./described.ts";
import { brokerSources } from "./source-brokers.ts";
import { cloudSources } from "./source-clouds.ts";
import { fileSources } from "./source-files.ts";
import { forgeSources } from "./source-forges.ts";

/** The event source types without a connector yet. */
export const describedSources: readonly DescribedType[] = [
  ...brokerSources,
  ...cloudSources,
  ...fileSources,
  ...forgeSources,
];
