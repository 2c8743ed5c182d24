import type { Log } from './log.ts';

/** The task's own ARN from ECS's metadata endpoint, so that it can be stopped and found; undefined elsewhere. */
export async function taskArn(
  env: Readonly<Record<string, string | undefined>>,
  log: Log,
): Promise<string | undefined> {
  const base = env.ECS_CONTAINER_METADATA_URI_V4;
  if (!base) return undefined;
  try {
    const answer = await fetch(`${base}/task`, { signal: AbortSignal.timeout(2_000) });
    const { TaskARN } = (await answer.json()) as { TaskARN?: string };
    return TaskARN;
  } catch (error) {
    log('warn', 'ECS’s metadata endpoint did not answer.', { cause: String(error) });
    return undefined;
  }
}
