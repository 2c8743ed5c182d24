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
