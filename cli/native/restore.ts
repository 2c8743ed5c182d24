/** `nightjar restore` of a target whose service restores it: the plan, or the workflow followed to its end. */
import type { RestoreRecord } from '../../core/backup.ts';
import { chooseBackup } from '../../core/backup-choice.ts';
import type { Config, NativeTarget } from '../../core/config.ts';
import { resourceOf } from '../../core/config.ts';
import { EXIT, NightjarError } from '../../core/errors.ts';
import { isId } from '../../core/ids.ts';
import { refusalsOfInput } from '../../core/native-input.ts';
import type { RestoreInput } from '../../core/payloads.ts';
import { isNativeRecord, servingSentence } from '../../core/serving.ts';
import { begin, contradiction, endedJson, failureOf, follow, leftAlone } from '../execution.ts';
import { fields } from '../format.ts';
import { exitOf, failureLines, type Outcome } from '../outcome.ts';
import { withoutToken } from './approval.ts';
import { restoreLines } from '../commands/show-lines.ts';
import type { Session } from '../session.ts';
import type { RestoreJson, WorkflowJson } from '../shapes.ts';
import { nativePlanLines, planNative } from './plan.ts';
import { survey } from './survey.ts';

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
  if (options.plan) return planned(session, config, target, input);
  const { catalog } = await session.vault();
  const backup = isId(input.at) ? await chooseBackup(catalog, target.name, input.at) : undefined;

  const begun = await begin(session, 'restore', `restore-${target.name}`, input);
  session.say(
    `Restore ${begun.id} of ${target.name} (${resourceOf(target)}) from ${backup ? `backup ${backup.backupId}` : input.at} has begun, mode ${input.mode}.`,
  );
  if (input.approve)
    session.say(
      `It will stop and ask before the outage: nightjar approve ${begun.id}, or nightjar cancel ${begun.id}.`,
    );
  const jsonOf = (workflow: WorkflowJson, record: RestoreRecord | undefined, serves: string): RestoreJson => ({
    command: 'restore',
    target: target.name,
    backupId: record?.backupId ?? backup?.backupId ?? null,
    ...workflow,
    restore: record ? withoutToken(record) : null,
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
  const serves = isNativeRecord(record)
    ? servingSentence(record)
    : 'Nothing was touched: what served before serves on.';
  const json = jsonOf(endedJson(begun, failure), record, serves);
  const text = failure
    ? failureLines(failure, session.paint, [['serves', serves]])
    : [...restoreLines(session, record!, null), ...fields([['serves', serves]])];
  return { json, text, exit: json.exitCode };
}

/** All else the workflow refuses before it begins anything. */
function refuse(target: NativeTarget, input: RestoreInput): void {
  const reasons = refusalsOfInput(input, target);
  if (reasons.length > 0)
    throw new NightjarError('INPUT_INVALID', {
      operation: 'read options',
      detail: `${target.name}: ${reasons.join(' ')}`,
    });
}

async function planned(
  session: Session,
  config: Config,
  target: NativeTarget,
  input: RestoreInput,
): Promise<Outcome<RestoreJson>> {
  const found = await survey(session, target, input);
  const plan = planNative({ ...found, config, target, input, now: session.world.now() });
  const exit = plan.refused ? exitOf(plan.refused) : EXIT.ok;
  return {
    json: { command: 'restore', ok: plan.refused === null, exitCode: exit, plan },
    text: nativePlanLines(plan),
    exit,
  };
}
