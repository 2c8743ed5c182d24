/** Runs the probe task of each target where its backups run: network, TLS, secret, versions, privileges. */
import type { DumpTarget } from '../../core/config.ts';
import { atOnce } from '../at-once.ts';
import { begin, failureOf, follow } from '../execution.ts';
import { bytes } from '../format.ts';
import type { Session } from '../session.ts';
import { bad, look, ok, warn } from './check.ts';
import type { DoctorFinding } from '../shapes.ts';

/** Probe tasks at once. */
const AT_ONCE = 4;

export const probeAll = async (session: Session, targets: readonly DumpTarget[]): Promise<DoctorFinding[]> =>
  (await atOnce(AT_ONCE, targets, (target) => probe(session, target))).flat();

function probe(session: Session, target: DumpTarget): Promise<DoctorFinding[]> {
  const about = `target ${target.name}`;
  return look(about, 'probe', 'states:StartExecution and states:DescribeExecution', async () => {
    const begun = await begin(session, 'probe', `probe-${target.name}`, { target: target.name });
    session.say(`Probing ${target.name} from where its task runs.`);
    // Probes run side by side, so none of them gets a bar of its own.
    const followed = await follow(
      { ...session, meter: () => ({ show: () => undefined, stop: () => undefined }) },
      begun,
      `probe ${target.name}`,
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
