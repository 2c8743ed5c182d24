/** The `nightjar` command. */
import { run } from './program.ts';
import { realWorld } from './world.ts';

// `nightjar backups | head` closes the pipe early, and that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
process.exitCode = await run(process.argv.slice(2), realWorld());
