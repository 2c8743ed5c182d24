/**
 * `npm run quickstart [-- --json] [--keep] [--size MIB]`: the real stacks in a pretend account, a scheduled backup of a
 * real PostgreSQL, MariaDB and SQLite, its report with the one that fails on purpose, a mishap, and the restores that bring
 * every row back. Exits with 1 if anything did not hold.
 */
import { parseArgs } from 'node:util';
import { makeDisplay } from './display.ts';
import { playStory, type Story } from './story.ts';
import { startSupervisor, type Supervised } from './supervise.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    size: { type: 'string', default: '20' },
  },
});
const display = makeDisplay();
let supervised: Supervised | undefined;
const seconds: Record<string, number> = { tools: Number(process.env.NIGHTJAR_BOOTSTRAP_SECONDS ?? 0) };

// Without a word from this process its supervisor stops everything.
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => {
    display.note('stopping …');
    void (supervised?.stop() ?? Promise.resolve()).then(() => process.exit(130));
  });

async function main(): Promise<Story> {
  const sizeMiB = Number(values.size);
  if (!(sizeMiB >= 8)) throw new Error('--size is a number of MiB from 8 on');
  supervised = await startSupervisor({ sizeMiB, nightly: 'soon' }, (_, event, text) => {
    if (event === 'begin') display.begin(text);
    else if (event === 'end') display.end();
    else display.say(text);
  });
  Object.assign(seconds, supervised.facts.seconds);
  const story = await playStory(supervised.facts, display);
  Object.assign(seconds, story.seconds);
  return story;
}

let story: Story;
try {
  story = await main();
} catch (error) {
  display.end(undefined, false);
  story = { mails: [], rows: {}, problems: [error instanceof Error ? error.message : String(error)], seconds: {} };
}
const ok = story.problems.length === 0;
const say = (text: string) => process[values.json ? 'stderr' : 'stdout'].write(`${text}\n`);
story.problems.forEach((problem) => say(`✗ ${problem}`));

if (supervised && values.keep) {
  await supervised.keep();
  say('Everything keeps running: npm run local -- status | env | down');
} else if (supervised) {
  display.begin('stopping everything');
  await supervised.stop();
  display.end();
}
if (ok) {
  const { reviews, till } = story.engines ?? {};
  const rows = [story.rows.after, reviews?.rows.after, till?.rows.after].reduce(
    (sum, one) => sum + (one?.rows ?? 0),
    0,
  );
  say(
    `\nEvery one of ${rows} rows and ${story.native?.table.items.after ?? 0} items is back. The same in your own account: write nightjar.config.ts (config/example.ts shows all of`,
  );
  say(
    'it), verify the sender in SES, then: npx cdk bootstrap && npx cdk deploy --all. README.md goes through it step by step.',
  );
}
if (values.json) {
  const { run, backup, restore, engines, native, mails, rows, problems } = story;
  process.stdout.write(
    `${JSON.stringify({ ok, run, backup, restore, engines, native, rows, mails, seconds, problems })}\n`,
  );
}
process.exitCode = ok ? 0 : 1;
