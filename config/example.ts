/** Everything that a config can say. What is marked "default" may be left out. */
import { defineConfig } from '../core/config.ts';

export default defineConfig({
  /** Prefix of stacks and resources (default `nightjar`); two Nightjars in one account need two names. */
  name: 'nightjar',
  /** Where to deploy; by default where your credentials point. */
  account: '123456789012',
  region: 'eu-west-1',

  schedule: {
    /** Every night at this local time; choose one that daylight saving does not skip. */
    nightly: '01:30',
    timeZone: 'Europe/Zurich',
    /** Weekly targets are backed up on this day, at the same time (default). */
    weeklyDay: 'saturday',
    /** The scheduler may start a run up to this much later (default 15). */
    flexibleMinutes: 15,
  },

  /** Who sends the morning report, and to whom. */
  mail: {
    from: 'nightjar@example.org',
    to: ['oncall@example.org', 'dba@example.org'],
    /** `address` (default): SES mails a link to confirm it; `domain`: three DNS records; `existing`: SES knows it. */
    identity: 'domain',
  },

  retention: {
    /** Backups are deleted after this many days, but never a target's newest good one (default 90). */
    days: 90,
    /** To S3 Glacier Flexible Retrieval after this many days (default 30), or `never`. */
    archiveAfterDays: 30,
    /** What somebody deletes by hand can be brought back for this long; the pruner deletes for good (default 14). */
    noncurrentDays: 14,
    /** A database that a restore replaced is kept this long for `nightjar rollback` (default 7). */
    replacedDays: 7,
  },

  vault: {
    /** Nobody may delete younger backups; can be chosen only before the first deploy, and `compliance` never taken back. */
    objectLock: { mode: 'governance', days: 30 },
  },

  /** Where tasks run, unless a target says otherwise. For trying without a VPC: `network: { create: true }`. */
  network: {
    vpcId: 'vpc-0123456789abcdef0',
    subnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
    securityGroupIds: ['sg-0123456789abcdef0'],
    /** True in public subnets without NAT (default false). */
    assignPublicIp: false,
    /** For subnets without a way to the internet; one subnet per availability zone above. */
    endpoints: ['ecr.api', 'ecr.dkr', 'logs', 'secretsmanager', 'states', 'kms', 's3', 'dynamodb'],
    /** For the endpoints `s3` and `dynamodb`. */
    routeTableIds: ['rtb-0123456789abcdef0'],
  },

  /** How many targets at once (default 10). */
  concurrency: 10,

  limits: {
    /** A backup or a restore that takes longer is stopped (defaults 24 and 48). */
    backupHours: 24,
    restoreHours: 48,
    /** So is one in which no byte moved for this long (default 30). */
    idleMinutes: 30,
    /** One waiting for RDS, Aurora or DynamoDB, such as for a restored instance (default 24). */
    nativeStepHours: 24,
    /** A restore that stops before its outage (`--approve`) is cancelled after this long (default 24). */
    approvalHours: 24,
    // Several tables that are restored together: from the first step to the last swap.
    setHours: 72,
  },

  tasks: {
    /** A published image; without it `tasks/Dockerfile` is built at deploy, which needs Docker. */
    image: '123456789012.dkr.ecr.eu-west-1.amazonaws.com/nightjar:0.1.0',
    /** `arm64` (default) costs a fifth less than `x86_64`. */
    architecture: 'arm64',
  },

  /** Who hears when a run fails or does not begin. */
  alarms: { mail: ['oncall@example.org'] },

  /** What AWS restores itself and carries the tag is a target from the next run on; the tag's value is a frequency. */
  discovery: {
    engines: ['dynamodb'],
    tagKey: 'nightjar:frequency',
    pitr: 'require',
  },

  /** Recovery points of RDS and Aurora are copied there, each under a key of that region. */
  copies: [
    {
      region: 'eu-central-1',
      keyArn: 'arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555',
    },
  ],

  targets: [
    {
      name: 'shop',
      engine: 'postgres',
      host: 'shop.example.org',
      port: 5432,
      database: 'shop',
      /** A secret {"username": "…", "password": "…"}, as RDS makes them. */
      secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf',
      /** The secret's key, when it is not the account's default one. */
      secretKey: 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555',
      /** `full` and `rds` are the defaults; `system`, or your own CA as PEM. */
      tls: { verify: 'full', ca: 'rds' },
      frequency: 'daily',
      /** The alarm fires when the newest good backup is older (default 26 for daily, 170 for weekly). */
      rpoHours: 26,
      /** `counts` (default), `checksums` of every row besides, or `none`. */
      fingerprint: 'counts',
      /** `zstd` from 1 to 19 (default 2), `gzip` from 1 to 9, or `none`. */
      compression: { algorithm: 'zstd', level: 2 },
      /** Besides the vault's own encryption: who may read the vault and use its key still can't read this backup. */
      encryption: {
        recipients: ['age1r44d34l2ce73twv0cqyc0f4da9j9svevhnlxp2y9lfnvp3fekq0qem20eu'],
        /** A secret whose value is one identity, as `age-keygen` prints it; only restores may read it. */
        identity: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-identity-AbCdEf',
        identityKey: 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555',
      },
      /** Of the archive as it is stored: a small server is not starved by its dump (default: as fast as it goes). */
      bytesPerSecond: 50_000_000,
      /** A dump that takes longer is given up (default: `limits.backupHours`). */
      giveUpAfterMinutes: 180,
      /** Left out of every backup; `tables` instead names all that is in it. */
      scope: { exclude: ['public.sessions'], schemaOnly: false, dataOnly: false, allDatabases: false },
      /** `custom` (default), or `plain` SQL. */
      format: 'custom',
      /** How long to wait for a table's first lock (default 300). */
      lockTimeoutSeconds: 300,
      /** Parallel jobs of a restore, or `auto` (default). */
      restoreJobs: 'auto',
      /** The Fargate task; this is the default. */
      size: { cpu: 1024, memoryMiB: 2048, ephemeralGiB: 21 },
      /** Its own place, when the database is not reached from the common one. */
      network: {
        subnetIds: ['subnet-0fedcba9876543210'],
        securityGroupIds: ['sg-0fedcba9876543210'],
        assignPublicIp: false,
      },
    },
    {
      name: 'ledger',
      engine: 'postgres',
      host: 'ledger.example.org',
      database: 'ledger',
      secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:ledger-GhIjKl',
      frequency: 'weekly',
    },
    {
      name: 'wiki',
      engine: 'mariadb',
      host: 'wiki.example.org',
      database: 'wiki',
      secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:wiki-AbCdEf',
      /** Tables that no transaction covers (MyISAM, Aria, MEMORY): `refuse` (default), or `lock` them while they are dumped. */
      unsafeTables: 'lock',
      scope: { tables: ['page', 'revision'] },
    },
    {
      name: 'forum',
      engine: 'mysql',
      host: 'forum.example.org',
      database: 'forum',
      secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:forum-AbCdEf',
    },
    {
      name: 'catalogue',
      engine: 'mongodb',
      host: 'catalogue.example.org',
      port: 27_017,
      database: 'catalogue',
      secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:catalogue-AbCdEf',
      /** True when `host` is looked up in DNS for the servers behind it, as Atlas does. */
      srv: false,
      /** Where the user is known (default `admin`). */
      authDatabase: 'admin',
      replicaSet: 'rs0',
    },
    {
      name: 'settings',
      engine: 'sqlite',
      /** The file's name. */
      database: 'settings.db',
      storage: {
        efs: {
          fileSystem: 'fs-0123456789abcdef0',
          accessPoint: 'fsap-0123456789abcdef0',
          directory: 'app',
        },
      },
      format: 'file',
      /** How long another process's lock is waited for (default 60). */
      busyTimeoutSeconds: 60,
    },
    {
      name: 'figures',
      engine: 'duckdb',
      database: 'figures.duckdb',
      storage: { s3: { bucket: 'example-figures', prefix: 'db/' } },
      /** `file` (default), or `parquet`: what EXPORT DATABASE writes. */
      format: 'parquet',
    },
    {
      name: 'warehouse',
      engine: 'myduck',
      host: 'warehouse.example.org',
      database: 'warehouse',
      secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:warehouse-AbCdEf',
      /** The server writes its backup there itself, with a key of this user that lives as long as the backup takes. */
      exchange: {
        bucket: 'example-exchange',
        prefix: 'nightjar/',
        endpoint: 's3.eu-west-1.amazonaws.com',
        user: 'nightjar-exchange',
      },
    },
    {
      name: 'billing',
      engine: 'rds',
      instance: 'billing',
      /** Point-in-time recovery that is off fails the backup (default), is turned on (`enable`), or only told (`ignore`). */
      pitr: 'require',
      /** Snapshots of our own, which outlive point-in-time recovery (these are the defaults). */
      points: { nightly: 7, weekly: 4 },
      /** What a swap replaced is `stopped` (default) or left `running` until the pruner removes it. */
      replaced: 'stopped',
      /** A task logs in to the restored instance before it takes the name, and asks this. */
      check: {
        secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:billing-MnOpQr',
        secretKey: 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555',
        database: 'billing',
        tls: { verify: 'full', ca: 'rds' },
        queries: ['SELECT count(*) > 0 FROM invoices'],
      },
      /** What the application reads to find it: `restore --pointer` switches that instead of names. */
      pointer: { parameter: '/billing/host' },
    },
    {
      name: 'search',
      engine: 'aurora',
      cluster: 'search',
      /** A CNAME; `ttlSeconds` (default 60) is what it has after it was switched. */
      pointer: { hostedZone: 'Z0123456789ABCDEFGHIJ', record: 'search.example.org', ttlSeconds: 60 },
    },
    {
      name: 'reports',
      engine: 'aurora',
      cluster: 'reports',
      /** Or a field of a secret's JSON (default `host`); `secretKey` as above. */
      pointer: {
        secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:reports-StUvWx',
        secretKey: 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555',
        field: 'host',
      },
    },
    {
      name: 'orders',
      engine: 'dynamodb',
      table: 'orders',
      /** Writes are denied by the table's policy while a swap makes it again, or the `application` is stopped by you. */
      fence: 'deny',
    },
  ],
});
