import { defineConfig } from '../core/config.ts';
import { localFacts } from './facts.ts';

const { nightly, weeklyDay, network, secrets, sample } = localFacts();
if (!sample) throw new Error('this config protects the sample database, and there is none');

/** What the pretend account deploys unless it is given a config of your own, which can begin as a copy of this one. */
export default defineConfig({
  schedule: { nightly, timeZone: 'UTC', weeklyDay: weeklyDay as 'monday', flexibleMinutes: 0 },
  mail: { from: 'nightjar@example.org', to: ['you@example.org'] },
  alarms: { mail: ['you@example.org'] },
  network,
  // No image is built: tasks run as processes.
  tasks: { image: 'nightjar:local', architecture: process.arch === 'arm64' ? 'arm64' : 'x86_64' },
  targets: [
    {
      name: 'shop',
      engine: 'postgres',
      host: sample.host,
      port: sample.port,
      database: sample.database,
      secret: secrets.shop ?? '',
      tls: { ca: sample.ca },
    },
    {
      name: 'reviews',
      engine: 'mariadb',
      host: sample.mariadb.host,
      port: sample.mariadb.port,
      database: sample.mariadb.database,
      secret: secrets.reviews ?? '',
      tls: { ca: sample.mariadb.ca },
    },
    { name: 'till', engine: 'sqlite', database: 'till.db', storage: { efs: sample.tills } },
    // Damaged on purpose: its backup fails every night, and the mail says so.
    { name: 'till-old', engine: 'sqlite', database: 'till-2019.db', storage: { efs: sample.tills } },
    { name: 'orders', engine: 'dynamodb', table: 'orders' },
    { name: 'billing', engine: 'rds', instance: 'billing' },
  ],
});
