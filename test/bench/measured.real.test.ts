import { expect, it } from 'vitest';
import { measure } from '../../bench/measure.ts';
import { PYTHON } from '../../local/paths.ts';

const MIB = 1024;
const env = { PATH: process.env.PATH ?? '/usr/bin:/bin' };
/** A process that holds so many MiB for a second, each page touched. */
const holding = (mib: number): string => `import time\nheld = bytearray(b'x') * (${mib} << 20)\ntime.sleep(1)`;

it('the memory of a process is its own peak, and of its tree what all held at one moment', async () => {
  const child = JSON.stringify(holding(90));
  const script = `import subprocess, sys\nbytearray(b'x') * (150 << 20)\nstarted = subprocess.Popen([sys.executable, '-c', ${child}])\n${holding(40)}\nstarted.wait()`;
  const cost = await measure([PYTHON, '-c', script], env);
  expect(cost.ownKib).toBeGreaterThan(150 * MIB);
  expect(cost.ownKib).toBeLessThan(180 * MIB);
  // The 150 were gone before the other two came: it is them or the first, not the sum.
  expect(cost.treeKib).toBeGreaterThan(130 * MIB);
  expect(cost.treeKib).toBeLessThan(180 * MIB);
  expect(cost.sumKib).toBeGreaterThan(240 * MIB);
});
