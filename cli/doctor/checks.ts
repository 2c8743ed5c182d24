/** The looks at everything but the databases: what is deployed, and what AWS allows. */
import { isDumpTarget, loginOf, type Config, type DumpTarget } from '../../core/config.ts';
import type { Catalog } from '../../core/catalog.ts';
import { backupStackName } from '../../core/names.ts';
import { taskSizeOf } from '../../core/task-size.ts';
import { atOnce } from '../at-once.ts';
import { when } from '../format.ts';
import type { DeployedBackup, DeployedVault, Session } from '../session.ts';
import { bad, look, ok, warn } from './check.ts';
import type { DoctorFinding } from '../shapes.ts';
import { nextFire } from './next-fire.ts';

/** Secrets looked at side by side: Secrets Manager throttles. */
const SECRETS_AT_ONCE = 10;
const DEPLOY = 'Compare with `npx cdk diff` and deploy again.';

type Findings = Promise<DoctorFinding[]>;
const all = async (looks: readonly Findings[]): Findings => (await Promise.all(looks)).flat();

export const vaultChecks = ({ world }: Session, vault: DeployedVault): Findings =>
  all([
    look('vault', 'versioning', 's3:GetBucketVersioning', async () =>
      (await world.doctor.bucketVersioned(vault.bucket))
        ? ok('vault', 'versioning is on')
        : bad('vault', 'versioning is off: a deleted backup would be gone at once', DEPLOY),
    ),
    look('vault', 'encryption', 's3:GetEncryptionConfiguration', async () =>
      (await world.doctor.bucketKey(vault.bucket)) === vault.keyArn
        ? ok('vault', 'encrypted with the vault’s key by default')
        : bad('vault', 'the default encryption is not the vault’s key: backups would be refused', DEPLOY),
    ),
    look('vault', 'public access', 's3:GetBucketPublicAccessBlock', async () =>
      (await world.doctor.bucketPrivate(vault.bucket))
        ? ok('vault', 'public access is blocked')
        : bad('vault', 'public access is not blocked', DEPLOY),
    ),
    look('vault', 'key', 'kms:DescribeKey and kms:GetKeyRotationStatus', async () => {
      const key = await world.doctor.key(vault.keyArn);
      if (key.state !== 'Enabled')
        return bad(
          'vault',
          `the key is ${key.state}: without it no backup can be read`,
          'Cancel its deletion or enable it in KMS, today.',
        );
      return key.rotates ? ok('vault', 'key enabled, rotating') : warn('vault', 'the key does not rotate', DEPLOY);
    }),
    look('catalog', 'deletion protection', 'dynamodb:DescribeTable', async () =>
      (await world.doctor.tableProtected(vault.catalogTable))
        ? ok('catalog', 'deletion protection is on')
        : warn('catalog', 'deletion protection is off', DEPLOY),
    ),
    look('catalog', 'point-in-time recovery', 'dynamodb:DescribeContinuousBackups', async () =>
      (await world.doctor.tablePointInTime(vault.catalogTable))
        ? ok('catalog', 'point-in-time recovery is on')
        : warn('catalog', 'point-in-time recovery is off', DEPLOY),
    ),
  ]);

export const scheduleChecks = ({ world, name }: Session, { machines }: DeployedBackup): Findings =>
  look('schedules', 'schedules', 'scheduler:ListSchedules and scheduler:GetSchedule', async () => {
    const schedules = await world.doctor.schedules(name);
    const wanted = [
      { what: 'the nightly run', arn: machines.nightly },
      { what: 'the pruner', arn: machines.prune },
    ];
    const missing = wanted
      .filter(({ arn }) => !schedules.some((one) => one.targetArn === arn))
      .map(({ what }) => bad('schedules', `no schedule starts ${what}`, DEPLOY));
    const found = schedules.map((one) => {
      if (!one.enabled) return bad('schedules', `${one.name} is disabled`, 'Enable it in EventBridge Scheduler.');
      const next = nextFire(one.expression, one.timeZone, world.now());
      return ok(
        'schedules',
        next ? `${one.name} fires ${when(next, world.now())}` : `${one.name} fires by ${one.expression}`,
      );
    });
    return [...missing, ...found];
  });

export const secretChecks = async ({ world }: Session, targets: readonly DumpTarget[]): Findings =>
  (
    await atOnce(SECRETS_AT_ONCE, targets, async (target) => {
      const about = `target ${target.name}`;
      const login = loginOf(target);
      if (!login) return [];
      const found = await look(about, 'secret', 'secretsmanager:DescribeSecret', async () => {
        const secret = await world.doctor.secret(login.secret);
        if (secret === undefined)
          return bad(about, 'its secret does not exist', 'Correct `secret` in the config, then deploy.');
        return secret.deleted
          ? bad(about, 'its secret is being deleted', 'Restore it: aws secretsmanager restore-secret.')
          : ok(about, 'its secret exists');
      });
      if (found.some((one) => one.level !== 'ok')) return found;
      const shape = await look(about, 'content of its secret', 'secretsmanager:GetSecretValue', async () =>
        (await world.doctor.secretIsLogin(login.secret))
          ? ok(about, 'its secret holds a user and a password')
          : bad(
              about,
              'its secret is no JSON with username and password',
              'Store it as {"username": "…", "password": "…"}.',
            ),
      );
      return [...found, ...shape];
    })
  ).flat();

export const mailChecks = ({ world }: Session, { mail }: Config): Findings =>
  all([
    look('mail', 'SES account', 'ses:GetAccount', async () => {
      const { sandbox, sending } = await world.doctor.mail();
      const state = sending
        ? []
        : [bad('mail', 'SES may not send from this account', 'Look at the SES console’s account dashboard.')];
      if (!sandbox) return [...state, ok('mail', 'SES is out of its sandbox')];
      const recipients = await all(mail.to.map((address) => verified(world.doctor, address, 'recipient')));
      return [
        ...state,
        warn(
          'mail',
          'SES is in its sandbox: only verified recipients get the report',
          'Ask for production access in the SES console.',
        ),
        ...recipients,
      ];
    }),
    verified(world.doctor, mail.from, 'sender'),
  ]);

/** An address counts as verified when its domain is. */
const verified = (calls: Session['world']['doctor'], address: string, role: string): Findings =>
  look('mail', `${role} ${address}`, 'ses:GetEmailIdentity', async () => {
    const domain = address.slice(address.indexOf('@') + 1);
    const [own, ofDomain] = await Promise.all([calls.identityVerified(address), calls.identityVerified(domain)]);
    if (own || ofDomain) return ok('mail', `${role} ${address} is verified`);
    return bad(
      'mail',
      `${role} ${address} is not verified`,
      own === undefined && ofDomain === undefined
        ? 'Make the identity in SES, or set mail.identity in the config and deploy.'
        : 'Follow the link in the mail that SES sent there, or set the DNS records that SES shows for its domain.',
    );
  });

export const alarmChecks = ({ world, name }: Session): Findings =>
  look('alarms', 'subscriptions', 'cloudformation:ListStackResources and sns:ListSubscriptionsByTopic', async () => {
    const found = await world.doctor.subscriptions(backupStackName(name));
    if (found.length === 0)
      return warn('alarms', 'nobody hears the alarms', 'Set alarms.mail in the config, or subscribe to the topic.');
    return found.map((one) =>
      one.confirmed
        ? ok('alarms', `${one.endpoint} hears them`)
        : bad(
            'alarms',
            `${one.endpoint} has not confirmed`,
            'Follow the link in the mail "AWS Notification - Subscription Confirmation".',
          ),
    );
  });

type Sizes = Pick<Catalog, 'newestGood'>;
/** Targets asked for side by side. */
const SIZES_AT_ONCE = 10;

/** What the busiest moment of a night needs: `concurrency` of the largest tasks, which are as large as the last backups ask for. */
async function neededVcpus({ targets, concurrency }: Config, catalog: Sizes | undefined): Promise<number> {
  const vcpus = await atOnce(SIZES_AT_ONCE, targets.filter(isDumpTarget), async (one) => {
    const good = one.size ? undefined : await catalog?.newestGood(one.name);
    return taskSizeOf(one, good?.databaseBytes).cpu / 1_024;
  });
  return vcpus
    .sort((left, right) => right - left)
    .slice(0, concurrency)
    .reduce((sum, one) => sum + one, 0);
}

/** `catalog`: undefined where there is none, and so no backup. */
export const quotaChecks = ({ world }: Session, config: Config, catalog: Sizes | undefined): Findings =>
  look('capacity', 'Fargate vCPU quota', 'servicequotas:GetServiceQuota', async () => {
    const quota = await world.doctor.fargateVcpus();
    const needed = await neededVcpus(config, catalog);
    return needed <= quota
      ? ok('capacity', `Fargate allows ${quota} vCPUs; a night needs ${needed} at most`)
      : bad(
          'capacity',
          `Fargate allows ${quota} vCPUs, and a night needs up to ${needed}`,
          'Lower `concurrency`, or raise the quota "Fargate On-Demand vCPU resource count" (L-3032A538).',
        );
  });
