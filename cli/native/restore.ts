/** `nightjar restore` of a target whose service restores it: the plan, or the workflow followed to its end. */
import type { BackupRecord, RestoreRecord } from '../../core/backup.ts';
import type { Config, NativeTarget } from '../../core/config.ts';
import { resourceOf } from '../../core/config.ts';
import { ENGINES } from '../../core/engines.ts';
import { EXIT, NightjarError } from '../../core/errors.ts';
import { isId } from '../../core/ids.ts';
import type { RestoreInput } from '../../core/payloads.ts';
import { servingSentence } from '../../core/serving.ts';
import { toCommandError } from '../aws-errors.ts';
import { chooseBackup } from '../backup-choice.ts';
import { begin, contradiction, endedJson, failureOf, follow, leftAlone } from '../execution.ts';
import { fields } from '../format.ts';
import { failureLines, type Outcome } from '../outcome.ts';
import { restoreLines } from '../commands/show-lines.ts';
import type { Session } from '../session.ts';
import type { RestoreJson, WorkflowJson } from '../shapes.ts';
import { nativePlanLines, planNative } from './plan.ts';

export interface NativeRestoreOptions {
  readonly plan?: boolean;
  readonly detach?: boolean;
}

export async function restoreNative(
  session: Session,
  config: Config,
  target: NativeTarget,
  input: RestoreInput,
  options: NativeRestoreOptions,
): Promise<Outcome<RestoreJson>> {
  refuse(target, input);
  const { catalog } = await session.vault();
  const backup = isId(input.at) ? await chooseBackup(catalog, target.name, input.at) : undefined;
  if (options.plan) return planned(session, config, target, input, backup);

  const begun = await begin(session, 'restore', `restore-${target.name}`, input);
  session.say(
    `Restore ${begun.id} of ${target.name} (${resourceOf(target)}) from ${backup ? `backup ${backup.backupId}` : input.at} has begun, mode ${input.mode}.`,
  );
  if (input.approve)
    session.say(`It will stop and ask before the outage: nightjar approve ${begun.id}, or nightjar cancel ${begun.id}.`);
  const jsonOf = (workflow: WorkflowJson, record: RestoreRecord | undefined, serves: string): RestoreJson => ({
    command: 'restore',
    target: target.name,
    backupId: backup?.backupId ?? null,
    ...workflow,
    restore: record ?? null,
    serves,
  });
  const followed = options.detach ? 'detached' : await follow(session, begun, `restore ${target.name}`);
  if (followed === 'detached' || followed.how !== 'ended') {
    const left = leftAlone(session, begun, { what: 'restore', look: `nightjar show ${begun.id}` }, followed);
    return { ...left, json: jsonOf(left.json, undefined, 'Not known yet.') };
  }
  const record = await catalog.getRestore(begun.id);
  const failure =
    followed.execution.status !== 'SUCCEEDED'
      ? (record?.failure ?? failureOf(followed.execution))
      : record?.status === 'COMPLETED'
        ? undefined
        : contradiction(record ? `the restore is ${record.status}` : 'there is no record of the restore');
  const serves = record?.native
    ? servingSentence({ ...record, native: record.native })
    : 'Nothing was touched: what served before serves on.';
  const json = jsonOf(endedJson(begun, failure), record, serves);
  const text = failure
    ? failureLines(failure, session.paint, [['serves', serves]])
    : [...restoreLines(session, record!, null), ...fields([['serves', serves]])];
  return { json, text, exit: json.exitCode };
}

/** What the workflow would refuse, said before it is started. */
function refuse(target: NativeTarget, input: RestoreInput): void {
  const modes: readonly string[] = ENGINES[target.engine].modes;
  const why = !modes.includes(input.mode)
    ? `${ENGINES[target.engine].label} restores by ${modes.join(', ')}, not by ${input.mode}.`
    : input.mode === 'pointer' && !target.pointer
      ? `The target ${target.name} has no pointer in the config.`
      : input.mode === 'items' && !input.items
        ? 'Say which items come back: --items FILE.'
        : undefined;
  if (why !== undefined) throw new NightjarError('INPUT_INVALID', { operation: 'read options', detail: why });
}

async function planned(
  session: Session,
  config: Config,
  target: NativeTarget,
  input: RestoreInput,
  backup: BackupRecord | undefined,
): Promise<Outcome<RestoreJson>> {
  const { catalog } = await session.vault();
  const resource = await session.world
    .service(target.engine)
    .read(resourceOf(target))
    .catch((thrown: unknown) => {
      if (toCommandError(thrown).code === 'AWS_DENIED') return 'unknown' as const;
      throw thrown;
    });
  const plan = planNative({
    config,
    target,
    input,
    resource,
    backup,
    restores: await catalog.listRestores({ target: target.name }),
    now: session.world.now(),
  });
  return {
    json: { command: 'restore', ok: true, exitCode: EXIT.ok, plan },
    text: nativePlanLines(plan),
    exit: EXIT.ok,
  };
}
