/** Application Auto Scaling as far as tables use it: the emulator has none. Requests are judged by the service's API model. */
import type { ApplicationAutoScalingClient } from '@aws-sdk/client-application-auto-scaling';
import { mustFitModel } from './api-model.ts';

type Input = Record<string, unknown> & { ResourceId: string; ScalableDimension: string };
const keyOf = (input: Input, name = ''): string => `${input.ResourceId} ${input.ScalableDimension} ${name}`;
const named = (name: string): Error => Object.assign(new Error(name), { name });

export interface FakeScaling {
  readonly client: Pick<ApplicationAutoScalingClient, 'send'>;
  /** Resource id and dimension of each registered target. */
  registered(): string[];
}

export function fakeScaling(): FakeScaling {
  const targets = new Map<string, Input>();
  const policies = new Map<string, Input>();
  const actions = new Map<string, Input>();
  /** A second put of the same name changes what is named and keeps the rest. */
  const put = (store: Map<string, Input>, key: string, input: Input): object => {
    const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
    store.set(key, { ...store.get(key), ...(given as Input) });
    return {};
  };
  const of = (store: Map<string, Input>, id: unknown): Input[] =>
    [...store.values()].filter((one) => one.ResourceId === id);
  const registered = (input: Input): void => {
    if (!targets.has(keyOf(input))) throw named('ObjectNotFoundException');
  };

  const answers: Record<string, (input: Input) => object> = {
    RegisterScalableTarget: (input) => put(targets, keyOf(input), input),
    PutScalingPolicy: (input) => (registered(input), put(policies, keyOf(input, String(input.PolicyName)), input)),
    PutScheduledAction: (input) => (
      registered(input),
      put(actions, keyOf(input, String(input.ScheduledActionName)), input)
    ),
    DescribeScalableTargets: ({ ResourceIds }) => ({
      ScalableTargets: (ResourceIds as string[]).flatMap((id) => of(targets, id)),
    }),
    DescribeScalingPolicies: ({ ResourceId }) => ({ ScalingPolicies: of(policies, ResourceId) }),
    DescribeScheduledActions: ({ ResourceId }) => ({ ScheduledActions: of(actions, ResourceId) }),
    DeregisterScalableTarget: (input) => {
      registered(input);
      for (const store of [targets, policies, actions])
        for (const key of store.keys()) if (key.startsWith(`${keyOf(input).trimEnd()} `)) store.delete(key);
      return {};
    },
  };
  const send = (command: { constructor: { name: string }; input: Input }): Promise<object> => {
    const operation = command.constructor.name.replace(/Command$/, '');
    mustFitModel({ service: 'application-autoscaling', operation, input: command.input });
    return Promise.resolve(structuredClone(answers[operation]!(command.input)));
  };
  return {
    client: { send },
    registered: () => [...targets.keys()].map((key) => key.trimEnd()).sort(),
  };
}
