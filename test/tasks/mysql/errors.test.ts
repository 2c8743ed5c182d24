/** A server that goes away speaks of TLS, and is no bad certificate: the one is tried again, the other needs a person. */
import { describe, expect, it } from 'vitest';
import { sessionError, toolError } from '../../../tasks/engines/mysql/errors.ts';

const ended = (stderr: string) => ({ code: 2, signal: null, stderr });

describe('a connection that ends in the midst of TLS', () => {
  it.each([
    // Node's words.
    Object.assign(new Error('Client network socket disconnected before secure TLS connection was established'), {
      code: 'ECONNRESET',
    }),
    Object.assign(new Error('write EPROTO: ssl3_read_n: unexpected eof while reading'), {
      code: 'HANDSHAKE_SSL_ERROR',
    }),
  ])('was not refused for its certificate: %s', (error) => {
    expect(sessionError(error, 'connect', { connecting: true }).code).toBe('CONNECT_FAILED');
  });

  it('is lost, when a tool says so', () => {
    const said = 'mariadb-dump: Got error: 2026: "TLS/SSL error: unexpected eof while reading" when connecting';
    expect(toolError('mariadb-dump', ended(said), 'DUMP_FAILED').code).toBe('CONNECTION_LOST');
  });
});

it.each([
  [Object.assign(new Error('self-signed certificate in certificate chain'), { code: 'HANDSHAKE_SSL_ERROR' })],
  [Object.assign(new Error('Server does not support secure connection'), { code: 'HANDSHAKE_NO_SSL_SUPPORT' })],
])('a certificate that is not trusted, or none, is told as such: %s', (error) => {
  expect(sessionError(error, 'connect', { connecting: true }).code).toBe('TLS_FAILED');
  const said = 'mariadb-dump: Got error: 2026: "TLS/SSL error: self-signed certificate" when trying to connect';
  expect(toolError('mariadb-dump', ended(said), 'DUMP_FAILED').code).toBe('TLS_FAILED');
});

it('a lock that somebody else holds names MySQL’s own means, and nobody else’s', () => {
  const error = Object.assign(new Error('Lock wait timeout exceeded'), { errno: 1205, sqlState: 'HY000' });
  const held = sessionError(error, 'lock');
  expect(held).toMatchObject({ code: 'LOCK_TIMEOUT', detail: expect.stringContaining('PROCESSLIST') as string });
  expect(`${held.message} ${held.entry.hint}`).not.toMatch(/pg_locks|VACUUM|lockTimeoutSeconds/);
});

it('a full disk is told as the server’s', () => {
  const error = Object.assign(new Error('Disk full'), { errno: 1021, sqlState: 'HY000' });
  expect(sessionError(error, 'load').detail).toContain('server has no room left');
});
