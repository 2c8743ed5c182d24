import type { Parts } from './parts.ts';

/** Stops the task that writes progress under this id, if one still does. */
export async function stopTaskOf(parts: Pick<Parts, 'catalog' | 'tasks'>, id: string, reason: string): Promise<void> {
  const progress = await parts.catalog.getProgress(id);
  if (progress?.status === 'running' && progress.taskArn !== undefined)
    await parts.tasks.stop(progress.taskArn, reason);
}
