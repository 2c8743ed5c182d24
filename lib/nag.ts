import { NagSuppressions } from 'cdk-nag';
import type { Construct } from 'constructs';

/** Patterns of one cdk-nag rule that an exception is limited to. */
export type AppliesTo = readonly (string | { regex: string })[];

/** An exception to a cdk-nag rule, argued where it is made. */
export function exception(scope: Construct, id: string, reason: string, appliesTo?: AppliesTo): void {
  NagSuppressions.addResourceSuppressions(
    scope,
    [{ id: `AwsSolutions-${id}`, reason, ...(appliesTo ? { appliesTo: [...appliesTo] } : {}) }],
    true,
  );
}
