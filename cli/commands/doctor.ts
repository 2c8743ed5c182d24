/** `nightjar doctor [TARGET…]`: looks at everything a backup needs, and says how to mend what is wrong. */
import type { TargetState } from '../../core/backup.ts';
import { isDumpTarget, isNativeTarget, type Target } from '../../core/config.ts';
import { EXIT } from '../../core/errors.ts';
import { toCommandError } from '../aws-errors.ts';
import { bad, look, ok, warn } from '../doctor/check.ts';
import { alarmChecks, mailChecks, quotaChecks, scheduleChecks, secretChecks, vaultChecks } from '../doctor/checks.ts';
import { nativeChecks } from '../doctor/native-checks.ts';
import { probeAll } from '../doctor/probe.ts';
import { paintStatus, plural } from '../format.ts';
import { findTarget, listTargets } from '../../core/discovery.ts';
import type { Outcome } from '../outcome.ts';
import type { DeployedBackup, DeployedVault, Session } from '../session.ts';
import type { DoctorFinding, DoctorJson } from '../shapes.ts';

/** Without names only so many targets are probed: each probe is a Fargate task. */
const PROBED_UNASKED = 10;

export async function doctor(
  session: Session,
  names: readonly string[],
  options: { probe: boolean },
): Promise<Outcome<DoctorJson>> {
  const findings = await accountChecks(session);
  const vault = await stackOf(session, () => session.vault(), findings);
  if (vault) findings.push(...(await vaultChecks(session, vault)));
  const backup = await stackOf(session, () => session.backup(), findings);
  if (backup) {
    // A name that nobody knows is a mistake of the caller, not a finding.
    const asked = await Promise.all(names.map((one) => findTarget(backup.config, vault?.catalog ?? NO_CATALOG, one)));
    const every = await allTargets(backup, vault);
    const targets = asked.length > 0 ? asked : every;
    findings.push(versionCheck(session, backup));
    findings.push(...(await deployedChecks(session, backup, targets, vault)));
    if (vault)
      findings.push(
        ...(await nativeChecks(session, backup.config, vault.catalog, {
          targets: targets.filter(isNativeTarget),
          every: every.filter(isNativeTarget),
        })),
      );
    if (options.probe && vault) findings.push(...(await probes(session, backup, asked)));
  }
  const isBad = findings.some((one) => one.level === 'bad');
  const exit = isBad ? EXIT.failed : EXIT.ok;
  return {
    json: { command: 'doctor', ok: !isBad, exitCode: exit, name: session.name, findings },
    text: findingLines(session, findings),
    exit,
  };
}

/** Without the vault's stack nobody knows what was found by its tag. */
const NO_CATALOG = { readTargetStates: () => Promise.resolve(new Map<string, TargetState>()) };
const allTargets = async ({ config }: DeployedBackup, vault: DeployedVault | undefined): Promise<Target[]> =>
  vault ? (await listTargets(config, vault.catalog)).map(({ target }) => target) : config.targets;

async function accountChecks({ world }: Session): Promise<DoctorFinding[]> {
  const found = await Promise.all([
    look('account', 'credentials', 'sts:GetCallerIdentity', async () => {
      const { arn, account } = await world.aws.identity();
      return ok('account', `you are ${arn} in account ${account}`);
    }),
    look('account', 'region', 'AWS_REGION', async () => ok('account', `region ${await world.aws.region()}`)),
  ]);
  // Without them nothing else can work: here a failure is no mere warning.
  return found.flat().map((one) => (one.level === 'warn' ? { ...one, level: 'bad' } : one));
}

async function stackOf<T extends DeployedVault | DeployedBackup>(
  session: Session,
  find: () => Promise<T>,
  findings: DoctorFinding[],
): Promise<T | undefined> {
  try {
    return await find();
  } catch (thrown) {
    const error = toCommandError(thrown, 'find stacks');
    findings.push(bad(`stacks of ${session.name}`, error.message, error.entry.hint));
    return undefined;
  }
}

const versionCheck = (session: Session, { version }: DeployedBackup): DoctorFinding =>
  version === session.world.version
    ? ok('stacks', `version ${version} is deployed, the command line is the same`)
    : warn(
        'stacks',
        `version ${version} is deployed, the command line is ${session.world.version}`,
        'Deploy again, or use the command line of the deployed version.',
      );

async function deployedChecks(
  session: Session,
  backup: DeployedBackup,
  targets: readonly Target[],
  vault: DeployedVault | undefined,
): Promise<DoctorFinding[]> {
  const found = await Promise.all([
    scheduleChecks(session, backup),
    secretChecks(session, targets.filter(isDumpTarget)),
    mailChecks(session, backup.config),
    alarmChecks(session),
    quotaChecks(session, backup.config, vault?.catalog),
  ]);
  return found.flat();
}

/** What a service keeps itself needs no task, so there is nothing to probe. */
async function probes(
  session: Session,
  { config }: DeployedBackup,
  asked: readonly Target[],
): Promise<DoctorFinding[]> {
  if (asked.length > 0) return probeAll(session, asked.filter(isDumpTarget));
  const dumped = config.targets.filter(isDumpTarget);
  if (dumped.length > PROBED_UNASKED)
    return [
      warn(
        'targets',
        `none of the ${dumped.length} targets was probed, because each probe is a task`,
        'Name those to probe: nightjar doctor TARGET…',
      ),
    ];
  return probeAll(session, dumped);
}

function findingLines(session: Session, findings: readonly DoctorFinding[]): string[] {
  const bads = findings.filter((one) => one.level === 'bad').length;
  const warns = findings.filter((one) => one.level === 'warn').length;
  const room = Math.max(...findings.map((one) => one.about.length));
  return [
    ...findings.flatMap((one) => [
      `${paintStatus(session.paint, one.level)}${' '.repeat(4 - one.level.length)}  ${one.about.padEnd(room)}  ${one.what}`,
      ...(one.hint ? [`${' '.repeat(room + 8)}${one.hint}`] : []),
    ]),
    '',
    bads > 0
      ? session.paint('red', `${plural(bads, 'thing')} to mend${warns > 0 ? `, ${plural(warns, 'warning')}` : ''}.`)
      : warns > 0
        ? session.paint('yellow', `Nothing is broken; ${plural(warns, 'warning')}.`)
        : session.paint('green', 'Everything is well.'),
  ];
}
