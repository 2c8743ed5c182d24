/** One night and one mishap: a scheduled backup of the sample databases, its report, damage, and the restores. */
import { join } from 'node:path';
import { DescribeExecutionCommand, ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import type { Mail } from './client.ts';
import { countsOf, differences, type Counts, type Hashes } from './compare.ts';
import { TILL_FILES } from './databases.ts';
import type { Display } from './display.ts';
import { playEngineStory, untold, type EnginesTold } from './engine-story.ts';
import { playNativeStory, type NativeTold } from './native-story.ts';
import { nightjar, type CommandAnswer } from './nightjar-command.ts';
import { tableHashes } from './sample.ts';
import { clientsOf, connectToSample, type StageFacts } from './stage-facts.ts';

type Facts = Record<string, unknown>;

export interface Story {
  /** Records as the catalog has them. */
  run?: Facts;
  backup?: Facts;
  restore?: Facts;
  mails: Mail[];
  rows: { before?: Counts; spoiled?: Counts; after?: Counts };
  /** Of the MariaDB and the SQLite file. */
  engines?: Omit<EnginesTold, 'problems'>;
  /** Of the table and the instance that AWS restores itself. */
  native?: Omit<NativeTold, 'problems'>;
  /** What did not hold. Empty: every row is back. */
  problems: string[];
  seconds: Record<string, number>;
}

interface RunsAnswer extends CommandAnswer {
  runs: (Facts & { runId: string; executionArn: string; status: string })[];
}
interface ShowRunAnswer extends CommandAnswer {
  run: Facts;
  backups: (Facts & { backupId: string; target: string; status: string })[];
}
interface RestoreAnswer extends CommandAnswer {
  restore: (Facts & { status: string }) | null;
  serves: string;
}

/** How long the scheduled run may take to begin and to end, seconds. */
const RUN_SECONDS = 600;
const MAIL_SECONDS = 60;

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function until<T>(ask: () => Promise<T | undefined>, seconds: number, what: string): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s for ${what}`);
    await sleep(500);
  }
}

async function readAll(facts: StageFacts): Promise<Hashes> {
  const client = await connectToSample(facts);
  try {
    return await tableHashes(client);
  } finally {
    await client.end();
  }
}

/** What a tired person does on a Friday evening. */
const DAMAGE = [
  'DELETE FROM shop.order_lines WHERE order_id % 3 = 0',
  "UPDATE shop.customers SET email = 'oops' || id || '@example.com'",
  'DROP TABLE shop.events',
  'TRUNCATE shop.photos',
  'SELECT lo_unlink(oid) FROM pg_largeobject_metadata',
] as const;

/**
 * Plays the story on a stage with the sample database. Does not throw for what did not hold: `problems` says it.
 *
 * @param name The config's name.
 */
export async function playStory(facts: StageFacts, display: Display, name = 'nightjar'): Promise<Story> {
  const clients = clientsOf(facts);
  const sfn = new SFNClient(clients.clientConfig);
  const story: Story = { mails: [], rows: {}, problems: [], seconds: {} };
  const step = async <T>(key: string, title: string, work: () => Promise<[T, string]>): Promise<T> => {
    const started = performance.now();
    display.begin(title);
    try {
      const [result, told] = await work();
      display.end(told);
      return result;
    } catch (error) {
      display.end(title, false);
      throw error;
    } finally {
      story.seconds[key] = Math.round(performance.now() - started) / 1000;
    }
  };
  const command = <A extends CommandAnswer>(...args: string[]) =>
    nightjar<A>(args, facts.env, (line) => display.say(line));

  try {
    const before = await step('read', 'reading every row of the shop', async () => {
      const hashes = await readAll(facts);
      const counts = countsOf(hashes);
      story.rows.before = counts;
      return [hashes, `read ${counts.rows} rows in ${counts.tables} tables`];
    });

    const nightly = facts.outputs[`${name}-backup`]?.NightlyStateMachine;
    if (!nightly) throw new Error('the deployed stacks name no nightly state machine');
    const executionArn = await step('schedule', `waiting for the schedule (${facts.nightly} UTC)`, () =>
      until(
        async () => {
          const { executions = [] } = await sfn.send(new ListExecutionsCommand({ stateMachineArn: nightly }));
          const first = executions[0]?.executionArn;
          return first ? [first, 'the schedule started the nightly run'] : undefined;
        },
        RUN_SECONDS,
        'the schedule to fire',
      ),
    );
    const { run, backups } = await step('backup', 'the nightly run backs up every target', async () => {
      const ended = await until(
        async () => {
          const told = await sfn.send(new DescribeExecutionCommand({ executionArn }));
          return told.status === 'RUNNING' ? undefined : told;
        },
        RUN_SECONDS,
        'the nightly run to end',
      );
      if (ended.status !== 'SUCCEEDED')
        throw new Error(`the nightly run ended ${ended.status ?? ''}: ${ended.error ?? ''} ${ended.cause ?? ''}`);
      const { runs } = await command<RunsAnswer>('runs');
      const found = runs.find((one) => one.executionArn === executionArn);
      if (!found) throw new Error('the nightly run is not in the catalog');
      const shown = await command<ShowRunAnswer>('show', found.runId);
      const good = shown.backups.filter((one) => one.status === 'COMPLETED').length;
      return [shown, `the nightly run ended: ${good} of ${shown.backups.length} targets have a good backup`];
    });
    story.run = run;
    const backup = backups.find((one) => one.target === 'shop');
    story.backup = backup;
    if (backup?.status !== 'COMPLETED')
      throw new Error(`the backup of the shop is ${backup?.status ?? 'missing'}: ${JSON.stringify(backup?.failure)}`);

    const [mail] = await step('mail', 'waiting for the report', async () => {
      const mails = await until(
        async () => {
          const all = await clients.mails();
          return all.length > 0 ? all : undefined;
        },
        MAIL_SECONDS,
        'the report by mail',
      );
      story.mails = mails;
      return [mails, `mail to ${mails[0]?.to.join(', ') ?? ''}: “${mails[0]?.subject ?? ''}”`];
    });

    story.problems.push(...untold(mail, backups));

    await step('damage', 'spoiling the shop', async () => {
      const client = await connectToSample(facts);
      for (const sql of DAMAGE) await client.query(sql);
      await client.end();
      const spoiled = await readAll(facts);
      story.rows.spoiled = countsOf(spoiled);
      const lost = differences(before, spoiled);
      if (lost.length === 0) throw new Error('the damage changed nothing');
      return [lost, `spoiled ${lost.length} tables: ${story.rows.before?.rows ?? 0} → ${story.rows.spoiled.rows} rows`];
    });

    const { restore } = await step('restore', 'nightjar restore shop --mode swap', async () => {
      const answer = await command<RestoreAnswer>('restore', 'shop', '--mode', 'swap');
      return [answer, `nightjar restore shop --mode swap: ${answer.serves}`];
    });
    story.restore = restore ?? undefined;
    if (restore?.status !== 'COMPLETED')
      story.problems.push(`the restore is ${restore?.status ?? 'not in the catalog'}`);

    await step('compare', 'comparing every row with before', async () => {
      const after = await readAll(facts);
      const counts = countsOf(after);
      story.rows.after = counts;
      const wrong = differences(before, after);
      story.problems.push(...wrong);
      if (wrong.length > 0) throw new Error('the restored shop is not as it was');
      return [counts, `all ${counts.rows} rows in ${counts.tables} tables are as they were`];
    });
    if (facts.sample) {
      const { mariadb, tills } = facts.sample;
      const { problems, ...engines } = await playEngineStory({
        mariadb,
        till: join(tills, TILL_FILES.till),
        command,
        step,
      });
      story.engines = engines;
      story.problems.push(...problems);
    }
    if (facts.rdsEndpoint !== undefined) {
      const { region, credentials } = clients.clientConfig;
      const rds = { region, credentials, endpoint: facts.rdsEndpoint };
      const { problems, ...native } = await playNativeStory({ account: clients.clientConfig, rds, command, step });
      story.native = native;
      story.problems.push(...problems);
    }
  } catch (error) {
    story.problems.unshift(error instanceof Error ? error.message : String(error));
  } finally {
    sfn.destroy();
    clients.close();
  }
  return story;
}
