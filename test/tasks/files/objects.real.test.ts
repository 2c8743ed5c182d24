import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { objectsPlace } from '../../../tasks/files/objects.ts';
import type { FilePlace } from '../../../tasks/files/place.ts';
import { codeOf } from '../../contracts/engine-bench.ts';
import { filePlaceContract } from '../../contracts/file-place.ts';
import type { Asked, Fault } from '../fault-proxy.ts';
import { QUICK } from '../support.ts';
import { useVault } from '../vault-room.ts';

const room = useVault();
const PREFIX = 'shop data/db/';
const MIB = 1024 * 1024;
let scratch: string;
beforeAll(async () => void (scratch = await mkdtemp(join(tmpdir(), 'nightjar-objects-'))));
afterAll(() => rm(scratch, { recursive: true, force: true }));

const open = (alive: () => void = () => undefined): FilePlace =>
  objectsPlace({
    s3: room.s3,
    bucket: room.bucket,
    prefix: PREFIX,
    signal: new AbortController().signal,
    alive,
    patience: QUICK,
    partBytes: 5 * MIB,
  });
const put = async (name: string, text: string): Promise<void> => {
  await room.direct.send(new PutObjectCommand({ Bucket: room.bucket, Key: PREFIX + name, Body: text }));
};
const contents = async (): Promise<Record<string, string>> => {
  const { Contents = [] } = await room.direct.send(new ListObjectsV2Command({ Bucket: room.bucket }));
  const texts = Contents.map(async ({ Key }) => {
    const { Body } = await room.direct.send(new GetObjectCommand({ Bucket: room.bucket, Key }));
    return [Key!.slice(PREFIX.length), await Body!.transformToString()] as const;
  });
  return Object.fromEntries(await Promise.all(texts));
};

filePlaceContract({
  title: 'A bucket',
  open: (alive) => Promise.resolve(open(alive)),
  put,
  contents,
});

describe('a bucket', () => {
  const names = { name: 'a.db', incoming: 'alias', keepAs: 'kept' };

  it.each(['lose answer', 'drop', { status: 503, code: 'SlowDown' }] as Fault[])(
    'stores and exchanges once, whatever call is lost (%o)',
    async (fault) => {
      const file = join(scratch, 'file');
      await writeFile(file, 'new');
      for (const operation of ['Create', 'Part', 'Complete', 'Put', 'other'] as Asked['operation'][]) {
        await open().remove('a.db');
        await open().remove('kept');
        await put('a.db', 'old');
        let hit = false;
        room.proxy.fault = (asked) => {
          if (hit || asked.operation !== operation) return undefined;
          hit = true;
          return fault;
        };
        await open().store(file, 'alias');
        expect(await open().exchange(names), operation).toBe(true);
        expect(hit, operation).toBe(true);
        expect(await contents(), operation).toEqual({ 'a.db': 'new', kept: 'old' });
      }
    },
  );

  /** An exchange that breaks off at this one of its calls; false when it does not make so many. */
  async function diesAt(calls: number): Promise<boolean> {
    for (const name of ['a.db', 'kept', 'alias']) await open().remove(name);
    await put('a.db', 'old');
    await put('alias', 'new');
    let made = 0;
    const dying = open(() => {
      if ((made += 1) === calls) throw new Error('died');
    });
    return (await codeOf(dying.exchange(names))).includes('died');
  }

  it('takes up an exchange that broke off after any of its calls', async () => {
    let left = true;
    for (let calls = 1; left; calls += 1) {
      left = await diesAt(calls);
      const between = await contents();
      expect(['old', 'new'], `after ${calls} calls`).toContain(between['a.db']);
      expect(await open().exchange(names), `after ${calls} calls`).toBe(true);
      expect(await contents(), `after ${calls} calls`).toEqual({ 'a.db': 'new', kept: 'old' });
    }
  });

  it('settles an exchange that broke off after any of its calls, and then keeps one copy of each', async () => {
    const seen = new Set<string | undefined>();
    let left = true;
    for (let calls = 1; left; calls += 1) {
      left = await diesAt(calls);
      const how = await open().settle(names);
      seen.add(how);
      const given = (await contents())['a.db'] === 'new';
      expect(await contents(), `after ${calls} calls`).toEqual(
        given ? { 'a.db': 'new', kept: 'old' } : { 'a.db': 'old', alias: 'new' },
      );
      if (how !== undefined) expect(how).toBe(given ? 'finished' : 'taken back');
    }
    expect(seen).toEqual(new Set([undefined, 'taken back', 'finished']));
  });

  it('copies what is too large for one call in parts', async () => {
    const large = Buffer.alloc(12 * MIB, 'large');
    const file = join(scratch, 'large');
    await writeFile(file, large);
    await open().store(file, 'a.db');
    await open().rename('a.db', 'b.db');
    await open().fetch('b.db', file);
    expect((await readFile(file)).equals(large)).toBe(true);
    expect(await open().stat('a.db')).toBeUndefined();
  });

  it('fetches one version, also when another is written meanwhile', async () => {
    await put('a.db', 'x'.repeat(20 * MIB));
    const file = join(scratch, 'one');
    let written = false;
    room.proxy.fault = (asked) => {
      if (asked.operation === 'Get' && !written) {
        written = true;
        void put('a.db', 'y'.repeat(20 * MIB));
      }
      return undefined;
    };
    await open().fetch('a.db', file);
    expect(new Set((await readFile(file, 'utf8')).match(/./g))).toEqual(new Set(['x']));
  });

  it('says what the bucket refused, and what it did not answer', async () => {
    room.proxy.fault = () => ({ status: 403, code: 'AccessDenied' });
    expect(await codeOf(open().list(''))).toBe('STORAGE_DENIED');
    room.proxy.fault = () => ({ status: 503, code: 'SlowDown' });
    expect(await codeOf(open().list(''))).toBe('STORAGE_UNAVAILABLE');
  });
});
