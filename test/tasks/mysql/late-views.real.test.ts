/** Of all databases of a server, views that read one which comes back later than their own. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listeningReporter } from '../../contracts/doubles.ts';
import { FLAVOURS, leave, room, type Room } from './room.ts';

describe.each(FLAVOURS)('all databases of %s', (flavour) => {
  let here: Room;
  const sql = <Row = Record<string, unknown>>(text: string) => here.server.server.query<Row>(text);
  beforeAll(async () => {
    here = await room(flavour);
    await sql(
      `CREATE DATABASE a; CREATE DATABASE b; CREATE DATABASE c;
       CREATE TABLE b.t (id int PRIMARY KEY); INSERT INTO b.t VALUES (7); CREATE TABLE c.u (id int);
       CREATE VIEW a.early AS SELECT id FROM b.t; CREATE VIEW b.upon AS SELECT id FROM a.early; CREATE VIEW a.again AS SELECT id FROM b.upon`,
    );
  });
  afterAll(() => leave(here));

  it('come back with them, also when the task dies before the last one', async () => {
    const target = here.server.target('all', { scope: { allDatabases: true } });
    const { manifest, backup } = await here.bench.dump('all', { target });
    for (const death of [false, true]) {
      await sql('DROP DATABASE a; DROP DATABASE b; DROP DATABASE c');
      const job = here.bench.restoreJob('all', 'new', { allDatabases: true });
      const abort = new AbortController();
      const report = listeningReporter((text) => {
        if (death && text.startsWith('database 3 of 3')) abort.abort(new Error('died'));
      });
      const first = here.bench.restoreBackup(job, manifest, backup, { report, signal: abort.signal });
      if (death) await expect(first).rejects.toThrow('died');
      else await first;
      expect(report.warnings.filter((one) => one.includes('is tried once more when all databases are back'))).toEqual([
        expect.stringContaining('The view again is missing in a'),
        expect.stringContaining('The view early is missing in a'),
        expect.stringContaining('The view upon is missing in b'),
      ]);
      if (death) await here.bench.restoreBackup(job, manifest, backup);
      else expect(report.warnings).toContain('All databases are back, and 3 of the missing views with them.');
      expect(await sql('SELECT id FROM a.again')).toEqual([{ id: 7 }]);
      expect((await here.server.databases()).filter((name) => name.includes('_nj_'))).toEqual([]);
    }
  });
});
