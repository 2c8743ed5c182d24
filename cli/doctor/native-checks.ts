/** The looks at databases whose service keeps the recovery points: what is there, what can be restored, and for how long. */
import type { Catalog } from '../../core/catalog.ts';
import { resourceOf, type Config, type NativeTarget } from '../../core/config.ts';
import { sortDiscovered } from '../../core/discovery.ts';
import { ENGINES, type NativeEngine } from '../../core/engines.ts';
import type { PitrWindow } from '../../core/native.ts';
import { placeOf } from '../../services/pointer.ts';
import { atOnce } from '../at-once.ts';
import { plural, when } from '../format.ts';
import { windowWords } from '../native/show-lines.ts';
import type { Session } from '../session.ts';
import type { DoctorFinding } from '../shapes.ts';
import { bad, look, ok, warn } from './check.ts';

const AT_ONCE = 5;
type Findings = Promise<DoctorFinding[]>;

/** What each look asks of the service, in its names for the rights. */
const RIGHTS: Readonly<Record<NativeEngine, string>> = {
  rds: 'rds:DescribeDBInstances, rds:DescribeDBInstanceAutomatedBackups and rds:DescribeDBSnapshots',
  aurora: 'rds:DescribeDBClusters, rds:DescribeDBInstances and rds:DescribeDBClusterSnapshots',
  dynamodb: 'dynamodb:DescribeTable, dynamodb:DescribeContinuousBackups and dynamodb:DescribeBackup',
};

export async function nativeChecks(
  session: Session,
  config: Config,
  catalog: Pick<Catalog, 'newestGood'>,
  /** Those to look at; quotas are shared by every target. */
  { targets, every }: { readonly targets: readonly NativeTarget[]; readonly every: readonly NativeTarget[] },
): Findings {
  const found = await Promise.all([
    atOnce(AT_ONCE, targets, (target) => targetChecks(session, catalog, target)),
    discoveryChecks(session, config),
    snapshotChecks(session, config, every),
  ]);
  return found.flat(2);
}

async function targetChecks(session: Session, catalog: Pick<Catalog, 'newestGood'>, target: NativeTarget): Findings {
  const about = `target ${target.name}`;
  const found = await Promise.all([
    look(about, ENGINES[target.engine].label, RIGHTS[target.engine], async () => {
      const resource = await session.world.service(target.engine).read(resourceOf(target));
      if (!resource)
        return bad(
          about,
          `there is no ${resourceOf(target)}`,
          `Correct the config; what was deleted comes back from its newest backup: nightjar restore ${target.name} --swap.`,
        );
      const state =
        resource.state === 'failed'
          ? bad(about, `${resourceOf(target)} is '${resource.stateWord}'`, 'Look at it in its service’s console.')
          : ok(about, `${resourceOf(target)} is '${resource.stateWord}'`);
      return [state, pitrCheck(about, target, resource.window)];
    }),
    look(about, 'newest recovery point', RIGHTS[target.engine], () => pointCheck(session, catalog, target)),
    pointerCheck(session, target),
  ]);
  return found.flat();
}

function pitrCheck(about: string, { pitr }: NativeTarget, window: PitrWindow): DoctorFinding {
  const { on, latest } = window;
  if (on)
    return latest === undefined
      ? warn(about, 'point-in-time recovery is on and reaches nothing yet', 'Look again in some minutes.')
      : ok(about, `point-in-time recovery is ${windowWords(window)}`);
  if (pitr === 'enable') return warn(about, 'point-in-time recovery is off', 'The next backup turns it on.');
  const mend = "Turn it on in its service, or set `pitr: 'enable'` of the target and deploy.";
  return pitr === 'require'
    ? bad(about, 'point-in-time recovery is off: its backups fail', mend)
    : warn(about, 'point-in-time recovery is off: only the nights’ recovery points can be restored', mend);
}

/** The record is ours; whether the service still has the point only the service knows. */
async function pointCheck({ world }: Session, catalog: Pick<Catalog, 'newestGood'>, target: NativeTarget): Findings {
  const about = `target ${target.name}`;
  const newest = await catalog.newestGood(target.name);
  const arn = newest?.points?.[0];
  if (!newest || arn === undefined)
    return [warn(about, 'it has no backup yet', `nightjar backup ${target.name}, or wait for the night.`)];
  const state = await world.service(target.engine).pointState(arn);
  return [
    state?.status === 'ready'
      ? ok(about, `its newest recovery point is there, of ${when(newest.snapshotAt ?? newest.startedAt, world.now())}`)
      : bad(
          about,
          `the recovery point of its newest backup ${newest.backupId} is ${state ? `'${state.stateWord}'` : 'gone'}`,
          `Look for who deletes snapshots, and take a new backup today: nightjar backup ${target.name}.`,
        ),
  ];
}

async function pointerCheck({ world }: Session, { name, pointer }: NativeTarget): Findings {
  if (!pointer) return [];
  const about = `target ${name}`;
  const right =
    'parameter' in pointer
      ? 'ssm:GetParameter'
      : 'secret' in pointer
        ? 'secretsmanager:GetSecretValue'
        : 'route53:ListResourceRecordSets';
  return look(about, 'pointer', right, async () => {
    const says = await world.pointers().read(pointer);
    return ok(about, `its pointer, ${placeOf(pointer)}, says ${says}`);
  });
}

const discoveryChecks = async ({ world }: Session, config: Config): Findings => {
  const { engines, tagKey } = config.discovery;
  const found = await Promise.all(
    engines.map((engine) =>
      look(
        'discovery',
        `tags of ${ENGINES[engine].label}`,
        engine === 'dynamodb' ? 'dynamodb:ListTables and dynamodb:ListTagsOfResource' : RIGHTS[engine],
        async () => {
          const sorted = sortDiscovered(config, await world.service(engine).discover(tagKey));
          return [
            ok(
              'discovery',
              `${plural(sorted.found.length, 'target')} of ${ENGINES[engine].label} by the tag ${tagKey}`,
            ),
            ...sorted.warnings.map((one) =>
              warn('discovery', one, 'Correct the tag, or name the database in the config.'),
            ),
          ];
        },
      ),
    ),
  );
  return found.flat();
};

/** What retention keeps of each kind at most: the nights', the weeks', and the one that is being made. */
const pointsKept = (targets: readonly NativeTarget[], engine: NativeEngine): number =>
  targets
    .filter((one) => one.engine === engine)
    .reduce((sum, { points }) => sum + points.nightly + points.weekly + 1, 0);

/**
 * Manual snapshots are counted in each region, of instances and of clusters apart; backups of tables have no limit.
 * Source: AWS, RDS User Guide, "Quotas in Amazon RDS" (100 of each unless raised).
 */
async function snapshotChecks({ world }: Session, config: Config, targets: readonly NativeTarget[]): Findings {
  const kinds = [
    { engine: 'rds', what: 'DB snapshots', quota: 'ManualSnapshots' },
    { engine: 'aurora', what: 'DB cluster snapshots', quota: 'ManualClusterSnapshots' },
  ] as const;
  const wanted = kinds.filter(({ engine }) => pointsKept(targets, engine) > 0);
  if (wanted.length === 0) return [];
  const regions = [undefined, ...config.copies.map((one) => one.region)];
  const found = await Promise.all(
    regions.map((region) =>
      look('capacity', `snapshot quotas${region ? ` in ${region}` : ''}`, 'rds:DescribeAccountAttributes', async () => {
        const quotas = await world.doctor.rdsQuotas(region);
        return wanted.flatMap(({ engine, what, quota }) => {
          const limit = quotas[quota];
          if (!limit) return [];
          const kept = pointsKept(targets, engine);
          const words = `RDS allows ${limit.max} manual ${what}${region ? ` in ${region}` : ''}; retention keeps ${kept} at most, ${limit.used} are there now`;
          return kept > limit.max || limit.used >= limit.max
            ? [
                bad(
                  'capacity',
                  words,
                  'Lower `points` of the targets, delete snapshots that nobody needs, or raise the quota.',
                ),
              ]
            : [ok('capacity', words)];
        });
      }),
    ),
  );
  return found.flat();
}
