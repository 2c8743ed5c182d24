/** What the integration tests deploy: one good target, and one for each fault that a night can bring. */
import { defineConfig, type ConfigInput } from '../../core/config.ts';
import { localFacts } from '../../local/facts.ts';
import { databaseFacts, IDENTITY, LEDGER } from './facts.ts';

const { network, secrets } = localFacts();
const { host, port, ca, elsewhere, closedPort, recipient } = databaseFacts();

type Dumped = Extract<ConfigInput['targets'][number], { engine: 'postgres' }>;

const target = (name: string, more: Partial<Dumped> = {}): Dumped => ({
  name,
  engine: 'postgres',
  host,
  port,
  database: 'shop',
  secret: secrets[name] ?? 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:no-such-secret-AbCdEf',
  tls: { ca },
  ...more,
});

export default defineConfig({
  // The scheduled run is the quickstart's; here the tests start what they want.
  schedule: { nightly: '03:59', timeZone: 'UTC', flexibleMinutes: 0 },
  mail: { from: 'nightjar@example.org', to: ['you@example.org'] },
  alarms: { mail: ['you@example.org'] },
  network,
  tasks: { image: 'nightjar:local', architecture: process.arch === 'arm64' ? 'arm64' : 'x86_64' },
  targets: [
    target('shop', { fingerprint: 'checksums' }),
    target('small', { database: 'small' }),
    target('wrong-password'),
    target('no-privilege'),
    target('no-secret'),
    target('closed-port', { secret: secrets.shop!, port: closedPort }),
    {
      name: 'ledger',
      engine: 'sqlite',
      database: LEDGER.file,
      storage: { efs: LEDGER.storage },
      encryption: { recipients: [recipient], identity: secrets[IDENTITY]! },
    },
    // Never due: the nights of the others stay as they are.
    target('everything', { scope: { allDatabases: true }, frequency: 'none' }),
    target('elsewhere', { host: elsewhere.host, port: elsewhere.port, tls: { ca: elsewhere.ca }, frequency: 'none' }),
    { name: 'orders', engine: 'dynamodb', table: 'orders', frequency: 'none' },
    { name: 'baskets', engine: 'dynamodb', table: 'baskets', frequency: 'none' },
    { name: 'customers', engine: 'dynamodb', table: 'customers', frequency: 'none' },
    { name: 'billing', engine: 'rds', instance: 'billing', frequency: 'none' },
    target('weekly', { database: 'small', secret: secrets.small!, frequency: 'weekly' }),
  ],
});
