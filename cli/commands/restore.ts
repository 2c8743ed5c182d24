/** `nightjar restore TARGET`: brings a backup back, or says with `--plan` what that would mean. */
import { dumpManifest, type RestoreRecord } from '../../core/backup.ts';
import { chooseBackup } from '../../core/backup-choice.ts';
import { isNativeTarget } from '../../core/config.ts';
import { EXIT } from '../../core/errors.ts';
import { servingAfterRestore } from '../../core/restore-words.ts';
import { toCommandError } from '../aws-errors.ts';
import { begin, contradiction, endedJson, failureOf, follow, leftAlone } from '../execution.ts';
import { fields } from '../format.ts';
import { exitOf, failureLines, type Outcome } from '../outcome.ts';
import { withoutToken } from '../native/approval.ts';
import { restoreNative } from '../native/restore.ts';
import { findTarget } from '../../core/discovery.ts';
import { itemsIn, refusalOf, restoreInput, servingName, type RestoreOptions } from '../restore-input.ts';
import { ARCHIVE_UNKNOWN, archiveOf, chosenPart, planLines, planRestore } from '../restore-plan.ts';
import type { Session } from '../session.ts';
import { restoreLines } from './show-lines.ts';
import type { RestoreJson, WorkflowJson } from '../shapes.ts';

export interface RestoreCommandOptions extends RestoreOptions {
  readonly plan?: boolean;
  readonly detach?: boolean;
}

export async function restore(
  session: Session,
  target: string,
  options: RestoreCommandOptions,
): Promise<Outcome<RestoreJson>> {
  const { config } = await session.backup();
  const { catalog, vault } = await session.vault();
  const requestedBy = options.plan ? undefined : await session.requestedBy();
  const items = options.items === undefined ? undefined : await itemsIn(session.world, options.items);
  const input = restoreInput(target, options, { requestedBy, items });
  const destination = await findTarget(config, catalog, input.destination ?? input.target);
  if (isNativeTarget(destination)) return restoreNative(session, config, destination, input, options);
  const backup = await chooseBackup(catalog, target, input.at);

  if (options.plan) {
    const stored = await vault.readManifest(backup.manifestKey ?? '', backup.manifestVersionId);
    const part = chosenPart(destination, input, dumpManifest(stored.manifest));
    const archive = await archiveOf(vault, part.manifest).catch((thrown: unknown) => {
      if (toCommandError(thrown).code !== 'VAULT_DENIED') throw thrown;
      return ARCHIVE_UNKNOWN;
    });
    const restores = await catalog.listRestores({ target });
    const plan = planRestore({
      config,
      destination,
      input,
      backup,
      ...part,
      archive,
      restores,
      now: session.world.now(),
    });
    const exit = plan.refused ? exitOf(plan.refused) : EXIT.ok;
    return {
      json: { command: 'restore', ok: plan.refused === null, exitCode: exit, plan },
      text: planLines(plan),
      exit,
    };
  }

  const refusal = refusalOf(destination, input, backup.engine);
  if (refusal) throw refusal;
  // The workflow gets the very backup that was shown: another one may become the newest meanwhile.
  const begun = await begin(session, 'restore', `restore-${target}`, { ...input, at: backup.backupId });
  const serving = servingName(destination, input);
  session.say(`Restore ${begun.id} of ${target} from backup ${backup.backupId} has begun, mode ${input.mode}.`);
  const jsonOf = (workflow: WorkflowJson, record: RestoreRecord | undefined, serves: string): RestoreJson => ({
    command: 'restore',
    target,
    backupId: backup.backupId,
    ...workflow,
    restore: record ? withoutToken(record) : null,
    serves,
  });
  const followed = options.detach ? 'detached' : await follow(session, begun, `restore ${target}`);
  if (followed === 'detached' || followed.how !== 'ended') {
    const left = leftAlone(session, begun, { what: 'restore', look: `nightjar show ${begun.id}` }, followed);
    return { ...left, json: jsonOf(left.json, undefined, 'Not known yet.') };
  }

  const { execution } = followed;
  const record =
    (await catalog.getRestore(begun.id)) ??
    (await catalog.listRestores({ limit: 20 })).find((one) => one.executionArn === begun.executionArn);
  const failure =
    execution.status !== 'SUCCEEDED'
      ? (record?.failure ?? failureOf(execution))
      : record?.status === 'COMPLETED'
        ? undefined
        : contradiction(record ? `the restore is ${record.status}` : 'there is no record of the restore');
  const serves = failure
    ? servingAfterRestore(record, await catalog.getProgress(begun.id))
    : `The restored data serves as ${record?.restoredDatabase ?? serving ?? record?.database ?? 'its database'}.`;
  const json = jsonOf(endedJson(begun, failure), record, serves);
  const text = failure
    ? failureLines(failure, session.paint, [['serves', serves]])
    : [...restoreLines(session, record!, null), ...fields([['serves', serves]])];
  return { json, text, exit: json.exitCode };
}
