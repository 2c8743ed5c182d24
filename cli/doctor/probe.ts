/**
 * Runs the probe task of each target where its backups run: network, TLS, secret, versions, privileges. What opens encrypted
 * backups is looked at by a task with the rights of a restore: whether a restore can read it is the question, and so neither
 * a dump nor a person has to.
 */
import type { DumpTarget } from '../../core/config.ts';
import { atOnce } from '../at-once.ts';
import { begin, failureOf, follow } from '../execution.ts';
import { bytes } from '../format.ts';
import type { Session } from '../session.ts';
import { bad, look, ok, warn } from './check.ts';
import type { DoctorFinding } from '../shapes.ts';

/** Probe tasks at once. */
const AT_ONCE = 4;

interface Probe {
  readonly target: string;
  /** Instead of the database. */
  readonly of?: 'identity';
}

export async function probeAll(session: Session, targets: readonly DumpTarget[]): Promise<DoctorFinding[]> {
  const probes = targets.flatMap(({ name, encryption }): Probe[] => [
    { target: name },
    ...(encryption ? [{ target: name, of: 'identity' } as const] : []),
  ]);
  return (await atOnce(AT_ONCE, probes, (one) => probe(session, one))).flat();
}

function probe(session: Session, input: Probe): Promise<DoctorFinding[]> {
  const about = `target ${input.target}`;
  const what = input.of ?? 'probe';
  return look(about, what, 'states:StartExecution and states:DescribeExecution', async () => {
    const begun = await begin(session, 'probe', `${what}-${input.target}`, input);
    session.say(
      input.of
        ? `Looking at the age identity of ${input.target} with the rights of its restores.`
        : `Probing ${input.target} from where its task runs.`,
    );
    // Probes run side by side, so none of them gets a bar of its own.
    const followed = await follow(
      { ...session, meter: () => ({ show: () => undefined, stop: () => undefined }) },
      begun,
      `${what} ${input.target}`,
    );
    if (followed.how === 'interrupted') return warn(about, 'the probe was not waited for', 'Run it again.');
    if (followed.how === 'lost')
      return warn(about, `the probe was lost sight of: ${followed.failure.message}`, followed.failure.hint);
    const { catalog } = await session.vault();
    const progress = await catalog.getProgress(begun.id);
    if (followed.execution.status !== 'SUCCEEDED') {
      const failure = progress?.failure ?? failureOf(followed.execution);
      return bad(about, `${failure.code}: ${failure.message} ${failure.detail ?? ''}`.trimEnd(), failure.hint);
    }
    const outcome = progress?.outcome;
    if (outcome?.kind !== 'probe') return bad(about, 'the probe left no findings', 'Read the task’s log stream.');
    const size = outcome.databaseBytes === undefined ? '' : `, ${bytes(outcome.databaseBytes)}`;
    return [
      ...(outcome.serverVersion ? [ok(about, `server ${outcome.serverVersion}${size}`)] : []),
      ...outcome.findings.map((finding) => ({ about, ...finding })),
    ];
  });
}
