import { manyDeadLetters } from "./dead-letters-many.ts";
import { dnsFails } from "./dns-fails.ts";
import { slowLoris } from "./slow-loris.ts";
import { describeAtSmallScale } from "./small-scale.ts";
import { targetFaults } from "./target-faults.ts";
import { redisAway } from "./upstream-redis.ts";
import { sqsAway } from "./upstream-sqs.ts";

describeAtSmallScale("faults of the network and of targets", [
  [slowLoris, 0.02],
  [targetFaults, 0.02],
  [dnsFails, 0.05],
  [manyDeadLetters, 0.005],
  [redisAway, 0.1],
  [sqsAway, 0.1],
]);
