/** `nightjar restore` of several tables: every table's plan in the order of the swaps, or the workflow followed to its end. */
import { EXIT, failure, NightjarError, type Failure } from '../../core/errors.ts';
import { parseInput, restoreSetInputSchema, type RestoreSetInput } from '../../core/payloads.ts';
import type { SeenMember } from '../../core/set-view.ts';
import { begin, contradiction, endedJson, failureOf, follow, leftAlone } from '../execution.ts';
import { exitOf, failureLines, type Outcome } from '../outcome.ts';
import { parseAt } from '../parse-at.ts';
import { modeOf, type RestoreOptions } from '../restore-input.ts';
import type { Session } from '../session.ts';
import type { RestoreSetJson, SetPlan, WorkflowJson } from '../shapes.ts';
import { planSet, refusalsBeforehand } from './plan-set.ts';
import { nativePlanLines } from './plan.ts';
import { membersOfSet, seenMembers } from './set-members.ts';
import { memberJson, setLines } from './show-set.ts';

export interface RestoreSetOptions extends RestoreOptions {
  readonly plan?: boolean;
  readonly detach?: boolean;
}

export async function restoreSet(
  session: Session,
  targets: readonly string[],
  options: RestoreSetOptions,
): Promise<Outcome<SetPlan | RestoreSetJson>> {
  refuseOptions(options);
  const requestedBy = options.plan ? undefined : await session.requestedBy();
  const input = parseInput(restoreSetInputSchema, {
    targets,
    at: parseAt(options.at ?? 'latest'),
    mode: modeOf(options),
    ...(options.approve ? { approve: true } : {}),
    ...(requestedBy === undefined ? {} : { requestedBy }),
  });
  await refusalsBeforehand(session, input);
  return options.plan ? planned(session, input) : started(session, input, options);
}

/** Options that are about one target. */
function refuseOptions(options: RestoreOptions): void {
  const given = (['items', 'database', 'to', 'table', 'schemaOnly', 'dataOnly', 'jobs', 'confirm', 'mapRole'] as const)
    .filter((name) => options[name] !== undefined)
    .map((name) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  const all = [...given, ...(options.owner === false ? ['--no-owner'] : [])];
  if (all.length === 0) return;
  throw new NightjarError('INPUT_INVALID', {
    operation: 'read options',
    detail: `Several tables go back whole and together; leave out: ${all.join(', ')}.`,
  });
}

async function planned(session: Session, input: RestoreSetInput): Promise<Outcome<SetPlan>> {
  const found = await planSet(session, input);
  const exit = found.refused ? exitOf(found.refused) : EXIT.ok;
  const json: SetPlan = {
    command: 'restore',
    ok: found.refused === null,
    exitCode: exit,
    targets: input.targets,
    mode: input.mode,
    ...found,
  };
  return { json, text: planLines(json, input), exit };
}

function planLines(
  { targets, mode, at, plans, thereAlready, refused }: SetPlan,
  { approve }: RestoreSetInput,
): string[] {
  const order = targets.filter((target) => !thereAlready.some((one) => one.target === target));
  return [
    `Restore of ${targets.join(', ')} together, mode ${mode}. This is a plan: nothing has been done.`,
    '',
    `All go back to ${at ?? 'no moment: there is none that all can be restored to'}.`,
    ...thereAlready.map(
      (one) => `${one.target} is there already, by the restore ${one.restoreId}, and stays as it is.`,
    ),
    ...(mode === 'new'
      ? []
      : [
          'First all are restored beside their originals and verified; if one fails, none is swapped.',
          ...(approve ? ['Then it stops, and asks once for all.'] : []),
          `Then one after the other: ${order.join(', ')}. Each outage begins when the one before has ended.`,
        ]),
    ...plans.flatMap((plan) => ['', ...nativePlanLines(plan)]),
    ...(refused ? ['', `As asked it would be refused: ${refused.detail ?? refused.message}`, refused.hint] : []),
  ];
}

async function started(
  session: Session,
  input: RestoreSetInput,
  options: RestoreSetOptions,
): Promise<Outcome<RestoreSetJson>> {
  const { targets, mode } = input;
  const { catalog } = await session.vault();
  const all = targets.join(', ');
  const begun = await begin(session, 'restore-set', `set-${targets[0]!}`, input);
  session.say(`Restore ${begun.id} of ${all} to ${input.at} has begun, mode ${mode}.`);
  if (input.approve)
    session.say(
      `It will stop once before the first outage: nightjar approve ${begun.id}, or nightjar cancel ${begun.id}.`,
    );
  const seen = async () => {
    const records = await membersOfSet(catalog, begun.id);
    const at = records[0]?.set?.at ?? (input.at === 'latest' ? null : new Date(input.at).toISOString());
    const facts = { id: begun.id, targets, mode, at: at ?? input.at };
    return { at, members: await seenMembers(catalog, facts, records), facts };
  };
  const jsonOf = (
    workflow: WorkflowJson,
    { at, members, facts }: Awaited<ReturnType<typeof seen>>,
  ): RestoreSetJson => ({
    command: 'restore',
    targets,
    mode,
    at,
    ...workflow,
    members: members.map((one) => memberJson(one, facts)),
  });
  const followed = options.detach ? 'detached' : await follow(session, begun, `restore ${all}`);
  if (followed === 'detached' || followed.how !== 'ended') {
    const left = leftAlone(session, begun, { what: 'restore', look: `nightjar show ${begun.id}` }, followed);
    return { ...left, json: jsonOf(left.json, { ...(await seen()), members: [] }) };
  }
  const found = await seen();
  const failed: Failure | undefined =
    followed.execution.status !== 'SUCCEEDED' ? failureOf(followed.execution) : disagreement(found.members);
  const json = jsonOf(endedJson(begun, failed), found);
  return {
    json,
    text: [
      ...(failed ? [...failureLines(withoutLines(failed), session.paint), ''] : []),
      ...setLines(session, found.facts, found.members),
    ],
    exit: json.exitCode,
  };
}

/** Tables that a broken set had brought there before have no restore of this one. */
const disagreement = (members: readonly SeenMember[]): Failure | undefined => {
  const other = members.find(({ record, before }) => before !== true && record && record.status !== 'COMPLETED');
  return other && contradiction(`the restore of ${other.target} is ${other.record!.status}`);
};

/** The lines to type are printed below it. */
const withoutLines = ({ code, operation, detail }: Failure): Failure =>
  failure(code, {
    ...(operation === undefined ? {} : { operation }),
    ...(detail === undefined ? {} : { detail: detail.split(' To start it again: ')[0]! }),
  });
