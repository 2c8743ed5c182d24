/** A server that goes away speaks of TLS, and is no bad certificate: the one is tried again, the other needs a person. */
import { expect, it } from 'vitest';
import { sessionError, toolError } from '../../../tasks/engines/postgres/errors.ts';

const said = (stderr: string): string => toolError('pg_dump', { code: 1, signal: null, stderr }, 'DUMP_FAILED').code;
const lost = Object.assign(new Error('write EPROTO: unexpected eof while reading'), { code: 'EPROTO' });

it('a connection that ends in the midst of TLS is lost, not refused for its certificate', () => {
  expect(said('pg_dump: error: query failed: SSL error: unexpected eof while reading')).toBe('CONNECTION_LOST');
  expect(said('pg_dump: error: SSL connection has been closed unexpectedly')).toBe('CONNECTION_LOST');
  expect(sessionError(lost, 'read', {}).code).toBe('CONNECTION_LOST');
  expect(sessionError(lost, 'connect', { connecting: true }).code).toBe('CONNECT_FAILED');
});

it('a certificate that is not trusted is told as such', () => {
  expect(said('connection to server failed: SSL error: certificate verify failed')).toBe('TLS_FAILED');
});

it('a full disk is told as the server’s where the server says so, else as the task’s', () => {
  const of = (stderr: string) => toolError('pg_restore', { code: 1, signal: null, stderr }, 'RESTORE_FAILED');
  const server = of(
    'pg_restore: error: COPY failed: ERROR:  could not extend file "base/5/16": No space left on device',
  );
  expect([server.code, server.detail]).toEqual(['DISK_FULL', expect.stringContaining('The disk is the server’s.')]);
  const own = of('pg_restore: error: could not write to file: No space left on device');
  expect([own.code, own.detail]).toEqual(['DISK_FULL', expect.not.stringContaining('The disk is the server’s.')]);
  const answer = Object.assign(new Error('could not extend file'), { code: '53100', severity: 'ERROR' });
  expect(sessionError(answer, 'copy', { fallback: 'RESTORE_FAILED' })).toMatchObject({
    code: 'DISK_FULL',
    detail: expect.stringContaining('The disk is the server’s.') as string,
  });
});

it('a lock that somebody else holds names PostgreSQL’s own means', () => {
  const held = toolError(
    'pg_dump',
    { code: 1, signal: null, stderr: 'could not obtain lock on relation "t"' },
    'DUMP_FAILED',
  );
  expect(held).toMatchObject({ code: 'LOCK_TIMEOUT', detail: expect.stringContaining('pg_locks') as string });
});
