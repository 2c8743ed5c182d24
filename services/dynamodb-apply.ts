/** Takes a table towards its settings, one look at a time. */
import { TagResourceCommand, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import { NightjarError } from '../core/errors.ts';
import { RESTORE_TAG } from '../core/names.ts';
import type { NativeSettings } from '../core/native.ts';
import { isBusy, wordsOf } from './dynamodb-calls.ts';
import { readFacts, type Clients } from './dynamodb-facts.ts';
import { SETTINGS } from './dynamodb-settings.ts';
import { settingsOf, stateOf } from './dynamodb-state.ts';
import { same, type Applying } from './dynamodb-throughput.ts';

interface Seen {
  readonly awaited: string[];
  readonly refused: string[];
}

/** Asks; what is busy is awaited, what is refused is remembered: the other settings go on. */
async function ask(seen: Seen, key: string, call: () => Promise<boolean>): Promise<boolean> {
  try {
    const asked = await call();
    if (asked) seen.awaited.push(key);
    return asked;
  } catch (error) {
    if (isBusy(error)) seen.awaited.push(`${key} (${wordsOf(error)})`);
    else seen.refused.push(`${key} (${wordsOf(error)})`);
    return isBusy(error);
  }
}

/** Tags that are missing or differ; none is taken away. */
async function putTags(applying: Applying): Promise<boolean> {
  const { clients, facts, wanted } = applying;
  const missing = Object.entries(wanted.tags).filter(([key, value]) => facts.tags[key] !== value);
  if (missing.length === 0) return false;
  await clients.dynamodb.send(
    new TagResourceCommand({
      ResourceArn: facts.table.TableArn!,
      Tags: missing.map(([Key, Value]) => ({ Key, Value })),
    }),
  );
  return true;
}

async function applyAll(applying: Applying, seen: Seen): Promise<void> {
  const { clients, name, facts, wanted } = applying;
  const found = settingsOf(facts).values;
  await ask(seen, 'tags', () => putTags(applying));
  for (const [key, setting] of SETTINGS) {
    const [want, have] = [wanted.values[key], found[key]];
    if (same(want, have) || (setting.consumer && name !== wanted.name)) continue;
    const { update, put } = setting;
    if (put) await ask(seen, key, async () => (await put(want, have, applying)) !== false);
    const input = update?.(want, have, applying);
    if (!input) continue;
    const asked = await ask(seen, key, async () => {
      await clients.dynamodb.send(new UpdateTableCommand({ TableName: name, ...input }));
      return true;
    });
    // The table is being updated: whatever comes next would be refused.
    if (asked) return;
  }
}

/**
 * Consumers of the table's changes are attached only where its name is that of `wanted`: an alias beside the original must
 * not feed them. Where an alias is to serve for good (`pointer`), pass the settings with the alias's name.
 * @returns what is still awaited.
 * @throws NightjarError SERVICE_REFUSED with every setting that was refused, after all others are set.
 */
export async function applySettings(clients: Clients, name: string, given: NativeSettings): Promise<string[]> {
  const facts = await readFacts(clients, name);
  if (!facts) throw new NightjarError('RESOURCE_MISSING', { operation: 'applySettings', detail: `table ${name}` });
  const { state, stateWord } = stateOf(facts.table);
  if (state === 'failed') throw new NightjarError('ALIAS_FAILED', { detail: `${name} is ${stateWord}` });
  if (state !== 'ready') return [`${name} is ${stateWord}`];
  // Whose alias a table is stays its own.
  const tags = Object.fromEntries(Object.entries(given.tags).filter(([key]) => key !== RESTORE_TAG));
  const seen: Seen = { awaited: [], refused: [] };
  await applyAll({ clients, name, facts, wanted: { ...given, tags } }, seen);
  if (seen.awaited.length === 0 && seen.refused.length > 0) {
    const detail = `${name}: ${seen.refused.join('; ')}. All other settings are as they were.`;
    throw new NightjarError('SERVICE_REFUSED', { operation: 'applySettings', detail });
  }
  return seen.awaited;
}
