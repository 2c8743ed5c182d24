/** Wires the commands to their arguments. Answers with the exit status; writes only through the world. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { RESTORE_MODES } from '../core/engines.ts';
import { EXIT, NightjarError } from '../core/errors.ts';
import { toCommandError } from './aws-errors.ts';
import { decide } from './commands/approve.ts';
import { backup } from './commands/backup.ts';
import { backups } from './commands/backups.ts';
import { doctor } from './commands/doctor.ts';
import { prune } from './commands/prune.ts';
import { rebuild } from './commands/rebuild.ts';
import { restore, type RestoreCommandOptions } from './commands/restore.ts';
import { restoreSet } from './native/restore-set.ts';
import { rollback } from './commands/rollback.ts';
import { runs } from './commands/runs.ts';
import { settingsDiff } from './commands/settings.ts';
import { show } from './commands/show.ts';
import { startup, type StartupOptions } from './commands/startup.ts';
import { status } from './commands/status.ts';
import { targets } from './commands/targets.ts';
import { painter } from './format.ts';
import { failedOutcome, type Outcome } from './outcome.ts';
import { openSession, type GlobalOptions, type Session } from './session.ts';
import type { World } from './world.ts';

const DEFAULT_NAME = 'nightjar';

/** Runs one command line, such as `['backup', 'shop']`. */
export async function run(argv: readonly string[], world: World): Promise<number> {
  let exit: number = EXIT.ok;
  let command = 'nightjar';
  const say = (outcome: Outcome, json: boolean): void => {
    exit = outcome.exit;
    if (json) world.out(JSON.stringify(outcome.json));
    else for (const line of outcome.text) world.out(line);
  };
  const execute = async (one: Command, work: (session: Session) => Promise<Outcome>): Promise<void> => {
    command = nameOf(one);
    const session = openSession(world, globalsOf(one, world));
    try {
      say(await work(session), session.json);
    } catch (thrown) {
      fail(toCommandError(thrown, command), session);
    }
  };
  const fail = (error: NightjarError, { json, paint }: Pick<Session, 'json' | 'paint'>): void => {
    const outcome = failedOutcome(command, error, paint);
    exit = outcome.exit;
    if (json) world.out(JSON.stringify(outcome.json));
    else for (const line of outcome.text) world.err(line);
  };
  const program = buildProgram(world, execute);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    // Help and version are no mistakes.
    if (thrown.exitCode === 0) return EXIT.ok;
    if (thrown.code === 'commander.help' && !argv.includes('--json')) {
      world.err(program.helpInformation().trimEnd());
      return EXIT.usage;
    }
    const detail = thrown.message.replace(/^error: /, '');
    const error = new NightjarError('INPUT_INVALID', { operation: 'read command line', detail });
    fail(error, { json: argv.includes('--json'), paint: painter(false) });
  }
  return exit;
}

/** Such as `settings diff`. */
const nameOf = (command: Command): string =>
  command.parent?.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();

function globalsOf(command: Command, world: World): GlobalOptions {
  const { name, json, color } = command.optsWithGlobals<{ name?: string; json?: boolean; color: boolean }>();
  return {
    name: name ?? world.env.NIGHTJAR_NAME ?? DEFAULT_NAME,
    json: json === true,
    color: color && world.terminal && !world.env.NO_COLOR,
  };
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Right would be a whole number from 1 on.');
  return value;
}

const collect = (one: string, before: string[] | undefined): string[] => [...(before ?? []), one];

type Execute = (command: Command, work: (session: Session) => Promise<Outcome>) => Promise<void>;

/** The whole command tree; `docs/cli.md` is held to it. */
export function buildProgram(world: World, execute: Execute): Command {
  const program = new Command('nightjar')
    .description('Backups of every database, and proven restores')
    .version(world.version)
    .option('--json', 'print one JSON object last on stdout; everything else goes to stderr')
    .option('--name <name>', 'name of the deployed Nightjar (NIGHTJAR_NAME; nightjar)')
    .option('--no-color', 'no colours (NO_COLOR)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => world.out(text.trimEnd()),
      // Mistakes are said once, in the registry's words.
      writeErr: () => undefined,
    })
    .showHelpAfterError(false);
  const detach = new Option('--detach', 'start it and return at once');

  program
    .command('status')
    .description('what runs now, the last run, and how old each target’s newest good backup is')
    .action((_: object, command: Command) => execute(command, status));
  program
    .command('targets')
    .description('what the deployed config protects')
    .action((_: object, command: Command) => execute(command, targets));
  program
    .command('backup')
    .description('back up a target now, and wait for it')
    .argument('<target>')
    .addOption(new Option('--trigger <who>', 'as what it is recorded').choices(['user', 'admin']).default('user'))
    .addOption(detach)
    .action((target: string, options: { trigger: 'user' | 'admin'; detach?: boolean }, command: Command) =>
      execute(command, (session) =>
        backup(session, target, { trigger: options.trigger, detach: options.detach === true }),
      ),
    );
  program
    .command('backups')
    .description('list backups, newest first')
    .argument('[target]')
    .option('--limit <n>', 'at most this many', whole, 20)
    .action((target: string | undefined, options: { limit: number }, command: Command) =>
      execute(command, (session) => backups(session, target, options)),
    );
  program
    .command('show')
    .description('everything about one backup, restore or run')
    .argument('<id>')
    .action((id: string, _: object, command: Command) => execute(command, (session) => show(session, id)));
  program
    .command('restore')
    .description('bring a backup back; without a mode, beside what is there')
    .argument('<targets...>', 'one; or several DynamoDB tables, which go back to one moment, in this order')
    .option('--at <which>', 'latest, a backup’s id, or a moment with its zone (latest)')
    .addOption(new Option('--mode <mode>', 'how to place it (new)').choices(RESTORE_MODES))
    .option('--new', 'as --mode new')
    .option('--swap', 'as --mode swap: restore, compare, then exchange names; can be rolled back')
    .option('--overwrite', 'as --mode overwrite: replace what is there, after a safety backup')
    .option('--pointer', 'as --mode pointer: restore beside, then switch what the application reads to find it')
    .option('--items <file>', 'as --mode items: copy the items that this JSON file chooses into the living table')
    .option('--approve', 'stop before the outage, and ask by mail (swap and pointer of RDS, Aurora, DynamoDB)')
    .option('--database <name>', 'name of the restored database (dumps only: RDS, Aurora and DynamoDB refuse it)')
    .option('--from-database <name>', 'of a backup of a whole server: which of its databases')
    .option(
      '--all-databases',
      'of a backup of a whole server: users and globals, then every database under its own name',
    )
    .option('--to <target>', 'another target, of the same family of engines, whose server receives it')
    .option('--table <schema.table>', 'only this table; may be said several times', collect)
    .option('--schema-only', 'definitions without rows')
    .option('--data-only', 'rows without definitions')
    .option('--no-owner', 'everything belongs to the restoring user')
    .option('--map-role <old=new>', 'who gets what this role owned or was granted; may be said several times', collect)
    .option('--jobs <n>', 'parallel jobs', whole)
    .option('--confirm <name>', 'name of the database that overwrite replaces')
    .option('--plan', 'say what would happen, and do nothing')
    .addOption(detach)
    .action((named: string[], options: RestoreCommandOptions, command: Command) => {
      const targets = named.flatMap((one) => one.split(',')).filter((one) => one !== '');
      const [target = ''] = targets;
      return execute(command, (session) =>
        targets.length > 1 ? restoreSet(session, targets, options) : restore(session, target, options),
      );
    });
  program
    .command('approve')
    .description('let a restore that waits before its outage go on')
    .argument('<id>', 'of the restore')
    .action((id: string, _: object, command: Command) =>
      execute(command, (session) => decide(session, id, 'approved')),
    );
  program
    .command('cancel')
    .description('give a restore that waits before its outage up')
    .argument('<id>', 'of the restore')
    .action((id: string, _: object, command: Command) =>
      execute(command, (session) => decide(session, id, 'cancelled')),
    );
  program
    .command('rollback')
    .description('take a swap back, or a switched pointer')
    .argument('<id>', 'of the restore')
    .addOption(detach)
    .action((id: string, options: { detach?: boolean }, command: Command) =>
      execute(command, (session) => rollback(session, id, { detach: options.detach === true })),
    );
  program
    .command('startup')
    .description('what MyDuck Server is started with so that it begins with a backup')
    .argument('<server>', 'target of the server')
    .option('--restore <id>', 'of the restore that laid the file into the exchange')
    .option('--secret <arn>', 'of a secret with accessKeyId and secretAccessKey, which may read the file')
    .option('--ecs-service <cluster/service>', 'give it a new revision of its task definition')
    .option('--container <name>', 'of the task, where it has several')
    .option('--clear', 'take the variables out again')
    .option('--yes', 'register the revision and update the service')
    .action((server: string, options: StartupOptions, command: Command) =>
      execute(command, (session) => startup(session, server, options)),
    );
  program
    .command('settings')
    .description('settings of what RDS, Aurora and DynamoDB keep')
    .command('diff')
    .description('what is set now, against a backup')
    .argument('<target>')
    .option('--at <which>', 'latest, a backup’s id, or a moment with its zone', 'latest')
    .action((target: string, options: { at: string }, command: Command) =>
      execute(command, (session) => settingsDiff(session, target, options)),
    );
  program
    .command('runs')
    .description('list nightly and weekly runs, newest first')
    .option('--limit <n>', 'at most this many', whole, 20)
    .action((options: { limit: number }, command: Command) => execute(command, (session) => runs(session, options)));
  program
    .command('prune')
    .description('delete what retention no longer keeps')
    .option('--plan', 'say what would be deleted, and do nothing')
    .addOption(detach)
    .action((options: { plan?: boolean; detach?: boolean }, command: Command) =>
      execute(command, (session) => prune(session, { plan: options.plan === true, detach: options.detach === true })),
    );
  program
    .command('rebuild')
    .description('give a lost catalog back from the vault’s manifests')
    .option('--plan', 'say what would come back, and write nothing')
    .action((options: { plan?: boolean }, command: Command) =>
      execute(command, (session) => rebuild(session, { plan: options.plan === true })),
    );
  program
    .command('doctor')
    .description('look at everything a backup needs, and say how to mend what is wrong')
    .argument('[targets...]', 'to look at and to probe; without names all, of up to ten')
    .option('--no-probe', 'start no probe task')
    .action((names: string[], options: { probe: boolean }, command: Command) =>
      execute(command, (session) => doctor(session, names, options)),
    );
  return program;
}
