/** A server that can be put into any mood, and what must hold after each. */
import { rm } from 'node:fs/promises';
import { expect } from 'vitest';
import type { NightjarError } from '../../../core/errors.ts';
import { memoryBackup } from '../../contracts/doubles.ts';
import { benchOf, failure, type Bench } from '../../contracts/engine-bench.ts';
import { harness, type Keys, type MyduckServer } from './harness.ts';

export type More = Parameters<Bench<'myduck'>['context']>[1];

export interface Room {
  readonly server: MyduckServer;
  readonly bench: Bench<'myduck'>;
  readonly keys: Keys;
  /** Ends the moods of the test before, and starts what it killed. */
  calm(): Promise<void>;
  /** The error of a backup of `shop`, which kept nothing. */
  failedBackup(more?: More): Promise<NightjarError>;
  /** Neither a key nor an object in the bucket of the exchange. */
  nothingLeft(): Promise<void>;
  close(): Promise<void>;
}

/** `statements` fill the database `shop`. */
export async function openRoom(...statements: string[]): Promise<Room> {
  const made = harness();
  const server = await made.start();
  const { keys, standIn } = server;
  const bench = await benchOf({ ...made, start: () => Promise.resolve(server) });
  await standIn.create('shop');
  for (const statement of statements) await standIn.run('shop', statement);
  return {
    server,
    bench,
    keys,
    async calm() {
      for (const name of Object.keys(standIn.mood)) delete standIn.mood[name as 'dies'];
      await standIn.restart();
    },
    async failedBackup(more) {
      const backup = memoryBackup();
      const error = await failure(bench.engine.dump(bench.context('shop', more), backup.sink));
      expect(backup.finished.has('archive')).toBe(false);
      return error;
    },
    async nothingLeft() {
      expect([...keys.alive]).toEqual([]);
      expect(await server.exchanged()).toEqual([]);
    },
    async close() {
      await server.stop();
      await rm(bench.scratch, { recursive: true, force: true });
    },
  };
}
