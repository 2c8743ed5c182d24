/** Whose disk is full: a larger task does not help a server. */
import { MongoServerError } from 'mongodb';
import { expect, it } from 'vitest';
import { sessionError, toolError } from '../../../tasks/engines/mongodb/errors.ts';

it('a server’s full disk is told as the server’s', () => {
  const stderr = 'Failed: shop.orders: error restoring from archive: (OutOfDiskSpace) 28: No space left on device';
  const said = toolError('mongorestore', { code: 1, signal: null, stderr }, 'RESTORE_FAILED');
  expect([said.code, said.detail]).toEqual(['DISK_FULL', expect.stringContaining('The disk is the server’s.')]);
  const answer = new MongoServerError({ message: 'available disk space is too small', code: 14031 });
  expect(sessionError(answer, 'insert')).toMatchObject({
    code: 'DISK_FULL',
    detail: expect.stringContaining('The disk is the server’s.') as string,
  });
});
