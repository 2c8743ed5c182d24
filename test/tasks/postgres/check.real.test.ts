/** A check looks into a server that somebody will need in a minute: it may change nothing and must not take an error for an answer. */
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NightjarError } from '../../../core/errors.ts';
import type { CheckJob } from '../../../core/job.ts';
import { postgres } from '../../../tasks/engines/postgres.ts';
import { benchOf, codeOf, type Bench } from '../../contracts/engine-bench.ts';
import { startServer, type PostgresServer } from './harness.ts';

let server: PostgresServer;
let bench: Bench<'postgres'>;
const sql = (text: string) => server.postgres.query(text, { database: 'shop' });

beforeAll(async () => {
  server = await startServer(17);
  bench = await benchOf({ title: 'check', engine: postgres, start: () => Promise.resolve(server) });
  await server.postgres.query('CREATE DATABASE shop');
  await sql(`
    CREATE TABLE orders (id int); INSERT INTO orders SELECT generate_series(1, 1000);
    CREATE TABLE secrets (id int); INSERT INTO secrets VALUES (1), (2);
    CREATE FUNCTION spoil() RETURNS bool LANGUAGE sql AS 'DELETE FROM orders; SELECT true';
    CREATE ROLE checker LOGIN PASSWORD 'checker'; GRANT SELECT ON orders TO checker;`);
});
afterAll(async () => {
  await server.stop();
  await rm(bench.scratch, { recursive: true, force: true });
});

const job = (...queries: string[]): CheckJob => ({
  kind: 'check',
  id: '01JD5ZK7S8Q2M4N6P8R0T2V4W6',
  target: server.target('shop'),
  idleMinutes: 5,
  queries,
});
const checker = { login: () => Promise.resolve({ username: 'checker', password: 'checker' }) };
const ask = async (...queries: string[]) => (await postgres.check(bench.context('shop'), job(...queries))).answers;

describe('a check of PostgreSQL', () => {
  it('lets no question write, whatever it tries', async () => {
    const tries = [
      'DELETE FROM orders RETURNING true',
      'SELECT spoil()',
      'COMMIT; DELETE FROM orders RETURNING true',
      'ROLLBACK; BEGIN; DELETE FROM orders; COMMIT',
      'CREATE TABLE mine (id int)',
    ];
    const answers = await ask(...tries, 'SELECT count(*) = 1000 FROM orders');
    for (const one of answers.slice(0, -1)) {
      expect(one).toMatchObject({ holds: false, answer: expect.stringContaining('read-only') as string });
    }
    expect(answers.at(-1)!.holds).toBe(true);
  });

  it('takes exactly one row that says true for yes', async () => {
    const answers = await ask(
      'SELECT true AS fine, 7 AS more',
      'SELECT true FROM orders',
      'SELECT true WHERE false',
      "SELECT 'true'",
      'SELECT NULL::bool',
      'SELECT 7 AS first, true AS second',
    );
    expect(answers.map((one) => one.holds)).toEqual([true, false, false, false, false, false]);
    expect(answers[0]!.answer).toBe('{"fine":true,"more":7}');
    expect(answers[1]!.answer).toBe('1000 rows');
  });

  it('goes on after a question that the server refuses, and keeps answers short', async () => {
    const answers = await ask('SELEC', "SELECT repeat('x', 100000)", 'SELECT count(*) = 1000 FROM orders');
    expect(answers.map((one) => one.holds)).toEqual([false, false, true]);
    expect(answers[0]!.answer).toContain('syntax error');
    expect(answers[1]!.answer.length).toBeLessThan(400);
  });

  it('looks tables up as the login does', async () => {
    await sql(
      `CREATE SCHEMA app; CREATE TABLE app.users (id int); ALTER ROLE ${server.login.username} SET search_path = app`,
    );
    expect(await ask('SELECT count(*) = 0 FROM users')).toMatchObject([{ holds: true }]);
    await sql(`ALTER ROLE ${server.login.username} RESET search_path; DROP SCHEMA app CASCADE`);
  });

  it('counts what the login may read, and names what it may not', async () => {
    const context = bench.context('shop', checker);
    expect(await postgres.check(context, job())).toMatchObject({ tables: 1, rows: 1000, answers: [] });
    expect(context.report.warnings.join()).toContain('public.secrets');
    expect(await postgres.check(bench.context('shop'), job())).toMatchObject({ tables: 2, rows: 1002 });
  });

  it('counts around a table whose rows are hidden from the login', async () => {
    await sql('ALTER TABLE secrets ENABLE ROW LEVEL SECURITY; GRANT SELECT ON secrets TO checker');
    const context = bench.context('shop', checker);
    const outcome = await postgres.check(context, job('SELECT count(*) = 0 FROM secrets'));
    expect(outcome).toMatchObject({ tables: 1, rows: 1000, answers: [{ holds: true }] });
    expect(context.report.warnings.join()).toContain('public.secrets');
    await sql('ALTER TABLE secrets DISABLE ROW LEVEL SECURITY; REVOKE SELECT ON secrets FROM checker');
  });

  it('does not take a lost connection for an answer', async () => {
    expect(await codeOf(ask('SELECT pg_terminate_backend(pg_backend_pid())', 'SELECT true'))).toBe('CONNECTION_LOST');
  });

  it('ends with the reason of whoever told it to stop', async () => {
    const stop = new AbortController();
    const checking = codeOf(
      postgres.check(bench.context('shop', { signal: stop.signal }), job('SELECT pg_sleep(60) IS NULL')),
    );
    for (let asleep = 0; asleep === 0;) {
      const rows = await server.postgres.query(
        `SELECT count(*)::int AS asleep FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%'`,
      );
      asleep = (rows[0] as { asleep: number }).asleep;
    }
    stop.abort(new NightjarError('STALLED', { operation: 'test' }));
    expect(await checking).toBe('STALLED');
  });
});
