/** The real handlers over a world in memory, called as Lambda calls them. */
import { FUNCTION_NAMES } from '../../lib/function-list.ts';
import type { Parts } from '../../lambdas/shared/parts.ts';
import { lambda } from '../../lambdas/shared/wiring.ts';
import { SeenError } from './seen-error.ts';

/** Each takes an event of its own; here they all take what the state machine hands over. */
type Make = (parts: Parts) => (event: never) => Promise<unknown>;

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null)) as unknown;

/** Every function's file exports `make<its name>`: a list here would only be a second one. */
async function makerOf(name: string): Promise<Make> {
  const room = (await import(/* @vite-ignore */ `../../lambdas/${name}.ts`)) as Readonly<
    Record<string, Make | undefined>
  >;
  const make = room[`make${name}`];
  if (make) return make;
  throw new Error(`lambdas/${name}.ts exports no make${name}.`);
}

/** Invokes a function by its ARN: JSON in, JSON out, and an error as Step Functions sees a Lambda's. */
export function functionsOf(parts: Parts): (arn: string, event: unknown) => Promise<unknown> {
  return async (arn, event) => {
    const name = FUNCTION_NAMES.find((one) => arn.endsWith(`-${one}`));
    if (name === undefined) throw new Error(`No function has the ARN ${arn}.`);
    const make = await makerOf(name);
    try {
      return asJson(await lambda(() => make(parts))(asJson(event) as never));
    } catch (error) {
      const { name: errorType, message: errorMessage } = error as Error;
      throw new SeenError(errorType, JSON.stringify({ errorType, errorMessage, trace: [] }));
    }
  };
}
