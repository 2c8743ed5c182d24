// A task for the tests of the pretend account: does what its first argument, or else TOY, says.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const say = (text) => console.log(text);
const deed = process.argv[2] ?? process.env.TOY ?? 'exit 0';
const [verb, ...rest] = deed.split(' ');

switch (verb) {
  case 'exit':
    say(`exiting with ${rest[0]}`);
    process.exitCode = Number(rest[0]);
    break;
  case 'read': // a file below where file systems are mounted
    say(await readFile(join(process.env.NIGHTJAR_MOUNTS ?? '/nowhere', rest[0]), 'utf8').catch((error) => error.code));
    break;
  case 'print':
    say(JSON.stringify(process.env));
    break;
  case 'wait': // obeys SIGTERM
    process.on('SIGTERM', () => {
      say('asked to stop');
      process.exit(143);
    });
    say('waiting');
    setInterval(() => {}, 1000);
    break;
  case 'deaf': {
    // ignores SIGTERM, and so does its child
    process.on('SIGTERM', () => say('not listening'));
    const child = spawn('sh', ['-c', 'trap "" TERM; while true; do sleep 1; done'], { stdio: 'inherit' });
    say(`child ${child.pid}`);
    setInterval(() => {}, 1000);
    break;
  }
  case 'aws': {
    // asks S3 for a bucket, once or until it is stopped
    const { S3Client, ListObjectsV2Command } = await import(process.env.TOY_S3_CLIENT);
    const s3 = new S3Client({ forcePathStyle: true });
    for (let n = Number(rest[1] ?? 1); n > 0; n--) {
      await s3.send(new ListObjectsV2Command({ Bucket: rest[0] })).then(
        () => say('allowed'),
        (error) => say(`refused: ${error.name}`),
      );
      if (n > 1) await new Promise((resolve) => setTimeout(resolve, 300));
    }
    break;
  }
  default:
    throw new Error(`unknown deed ${deed}`);
}
