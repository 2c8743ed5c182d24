/** What a database does by itself: it notes who comes and what changes, and fills itself from elsewhere. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memorySource } from '../../contracts/doubles.ts';
import { targetAt } from './harness.ts';
import { count, leave, room, type Room } from './room.ts';
import { shop } from './trouble.ts';

/** The first is swapped last, for what it replaces is no longer what it was. */
const FORMATS = ['plain', 'custom'] as const;
let here: Room;
beforeAll(async () => {
  here = await room(18);
});
afterAll(() => leave(here));

describe('a database that notes every session and every change of a definition', () => {
  beforeAll(async () => {
    await shop(here, 'noting');
    await here.server.postgres.query(
      `CREATE TABLE notes (what text); CREATE MATERIALIZED VIEW busy AS SELECT count(*) AS n FROM customers;
       CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO public.notes VALUES (TG_EVENT || TG_TAG); END $f$;
       CREATE EVENT TRIGGER comes ON login EXECUTE FUNCTION note(); CREATE EVENT TRIGGER changes ON ddl_command_end EXECUTE FUNCTION note();
       ALTER EVENT TRIGGER comes ENABLE ALWAYS; ALTER EVENT TRIGGER changes ENABLE ALWAYS`,
      { database: 'noting' },
    );
  });

  it.each(FORMATS)('comes back as it was noted, in every mode (%s)', async (format) => {
    const { manifest, backup } = await here.bench.dump('noting', {
      target: targetAt(here.server.postgres, 'noting', { format }),
    });
    const noted = manifest.fingerprint.tables.find((one) => one.table === 'notes')!.rows;
    expect(noted).toBeGreaterThan(0);
    for (const mode of ['new', 'swap', 'overwrite'] as const) {
      const job = here.bench.restoreJob(mode === 'new' ? `noted_${format}` : 'noting', mode, { jobs: 3 });
      const outcome = await here.bench.restore(job, memorySource(manifest, backup));
      expect(outcome.comparison, mode).toMatchObject({ equal: true, mode: 'checksums' });
      // Whoever counts is noted too: the triggers are there, and awake.
      expect(await count(here, job.database, 'notes'), mode).toBe(noted + 1);
    }
  });
});

describe('a database that subscribes to another', () => {
  beforeAll(async () => {
    await shop(here, 'subscribing');
    await here.server.postgres.query(
      `CREATE SUBSCRIPTION theirs CONNECTION 'host=db.example.org dbname=shop password=geheim' PUBLICATION all_of_it WITH (connect = false, slot_name = NONE)`,
      { database: 'subscribing' },
    );
  });
  const subscribers = async (): Promise<string[]> =>
    (
      await here.server.postgres.query<{ datname: string }>(
        'SELECT datname FROM pg_subscription JOIN pg_database d ON d.oid = subdbid',
      )
    ).map((row) => row.datname);

  it.each(FORMATS)('has no second one by a restore, and is told so (%s)', async (format) => {
    const target = targetAt(here.server.postgres, 'subscribing', {
      format,
      compression: { algorithm: 'none', level: 0 },
    });
    const context = here.bench.context('subscribing', { target });
    const { manifest, backup } = await here.bench.dump('subscribing', context);
    expect(context.report.warnings.join()).toContain('(theirs); subscriptions are in no backup');
    expect(backup.finished.get('archive')!.includes('geheim')).toBe(false);
    const restore = (database: string, mode: 'new' | 'swap') =>
      here.bench.restore(here.bench.restoreJob(database, mode), memorySource(manifest, backup));
    await restore(`subscribed_${format}`, 'new');
    expect(await subscribers()).toHaveLength(1);
    if (format === 'plain') return;
    const { replacedDatabase, warnings } = await restore('subscribing', 'swap');
    expect(await subscribers()).toEqual([replacedDatabase]);
    expect(warnings.join()).toContain('(theirs) stay with the old database');
  });
});
