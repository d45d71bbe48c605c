import { type AwsSettings, awsClientSettings } from "../kit/aws.ts";
import { type Call, defineTrigger, type Outcome } from "../kit/trigger.ts";
import { traceToAws } from "../lib/trace.ts";
import { accountKey, accountPlaces, serviceHost } from "./aws/account.ts";
import { checkedConfig } from "./aws/message.ts";
import { type LambdaConfig, lambdaConfig, lintLambda } from "./aws-lambda/config.ts";
import { Functions } from "./aws-lambda/functions.ts";
import { clientContext, outcomeOf } from "./aws-lambda/invocation.ts";

/**
 * Invokes a Lambda function (reference 4, awsLambda). A function that failed is a failure with its own error text, though
 * Lambda answers 200 (T9); so is a batch's item that its answer names in `batchItemFailures`. Besides the payload, which is
 * the manifest's, the function sees the idempotency key and its place in the trace as `context.clientContext.custom`, and
 * X-Ray the trace as its header.
 */
export const awsLambda = defineTrigger<LambdaConfig, Functions>({
  kind: "awsLambda",
  title: "AWS Lambda",
  summary: "Invokes a function of AWS Lambda.",
  example: `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata:
  name: orders
spec:
  dependencies:
    - name: order
      eventSourceName: shop
      eventName: order
  triggers:
    - template:
        name: pack
        awsLambda:
          functionName: pack
          region: us-east-1
          payload:
            - src:
                dependencyName: order
                dataKey: body
                useRawData: true
              dest: order
`,
  config: lambdaConfig,
  lint: lintLambda,
  longRunning: true,
  connectionKey: (config) => accountKey(settingsOf(config)),
  target: (config) => serviceHost("lambda", settingsOf(config)),
  reaches: (config) => accountPlaces(settingsOf(config)),
  async connect(cx) {
    const sdk = await cx.sdk("@aws-sdk/client-lambda", () => import("@aws-sdk/client-lambda"));
    return new Functions(sdk, await awsClientSettings(settingsOf(cx.config), cx));
  },
  fire,
  render({ config, payload }) {
    const { functionName, invocationType } = config;
    return {
      functionName,
      invocationType: invocationType || "RequestResponse",
      payload: payload === undefined ? "" : new TextDecoder().decode(payload),
    };
  },
});

async function fire(call: Call<LambdaConfig, Functions>): Promise<Outcome> {
  const { functionName = "", invocationType, logTail } = checkedConfig(lambdaConfig, "awsLambda", call.config);
  const { context } = call.trace;
  const response = await call.client.invoke(
    {
      functionName,
      InvocationType: invocationType || "RequestResponse",
      ...(call.payload === undefined ? {} : { Payload: call.payload }),
      ClientContext: clientContext(call.key, context),
      // there is no log of an invocation that is only queued
      logTail: logTail === true && (invocationType || "RequestResponse") === "RequestResponse",
      xRay: traceToAws(context),
    },
    call.signal,
  );
  return outcomeOf(functionName, response, { batch: call.batch !== undefined });
}

function settingsOf({ region = "", ...config }: LambdaConfig): AwsSettings {
  return { ...config, region };
}
