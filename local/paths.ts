import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the repository lies on this machine. */
export const REPO = resolve(fileURLToPath(new URL('..', import.meta.url)));

/** What `bootstrap.mjs` installs; may be moved by `NIGHTJAR_TOOLS`. */
export const TOOLS = process.env.NIGHTJAR_TOOLS ?? join(REPO, '.local', 'tools');

/** The emulator's interpreter. */
export const PYTHON = join(TOOLS, 'python', 'bin', 'python');

/** Holds `<major>/{bin,lib,share}` of each installed PostgreSQL. */
export const POSTGRES_ROOT = join(TOOLS, 'postgres');

/** The task that Fargate would run, as `build-task.ts` makes it. */
export const TASK_BUNDLE = join(REPO, 'dist', 'tasks', 'main.mjs');

/** Clients of MariaDB and MySQL, and the tools of MongoDB. */
const CLIENTS = [join(TOOLS, 'mariadb', 'bin'), join(TOOLS, 'mongo', 'bin')];

/** What the ENV of the task's image stands for on this machine. */
export const IMAGE_ENV: Readonly<Record<string, string>> = {
  NIGHTJAR_POSTGRES_ROOT: POSTGRES_ROOT,
  PATH: [dirname(process.execPath), ...CLIENTS, '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
};
