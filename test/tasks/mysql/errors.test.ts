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
