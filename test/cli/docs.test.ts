import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { EXIT } from '../../core/errors.ts';
import { EXIT_INTERRUPTED } from '../../cli/outcome.ts';
import { buildProgram } from '../../cli/program.ts';
import { errorShape, SHAPES } from '../../cli/shapes.ts';
import { fakeWorld } from './world.ts';

const docs = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
const program = buildProgram(fakeWorld(), () => Promise.resolve());
const commands: readonly Command[] = program.commands;

const sectionOf = (heading: RegExp): string => {
  const start = docs.search(heading);
  if (start === -1) throw new Error(`docs/cli.md has no section ${heading}`);
  const rest = docs.slice(start + 3);
  return rest.split(/\n## /)[0]!;
};
const commandSection = (name: string): string => sectionOf(new RegExp(`^## nightjar ${name}( |$)`, 'm'));
const flagsIn = (section: string): string[] => [...section.matchAll(/^\| `(--[^`]+)`/gm)].map((match) => match[1]!);
const flagsOf = (command: Command): string[] => command.options.map((one) => one.flags);
/** With those of what stands under it, such as `settings diff`. */
const allFlagsOf = (command: Command): string[] => [command, ...command.commands].flatMap(flagsOf);
const examplesIn = (text: string): unknown[] =>
  [...text.matchAll(/```json\n([^]*?)```/g)].map((match) => JSON.parse(match[1]!) as unknown);

describe('docs/cli.md', () => {
  it('has a section for every command and none for a command that is gone', () => {
    const headings = [...docs.matchAll(/^## nightjar ([a-z]+)/gm)].map((match) => match[1]);
    expect(headings.sort()).toEqual(commands.map((one) => one.name()).sort());
    expect(headings).toEqual(Object.keys(SHAPES).sort());
  });

  it.each(commands.map((one) => [one.name(), one] as const))(
    'names the options of %s, and no others',
    (name, command) => {
      expect(flagsIn(commandSection(name))).toEqual(allFlagsOf(command));
    },
  );

  it('names the options of every command', () => {
    const flags = flagsOf(program).map((one) => one.replace(/^-V, /, ''));
    expect(flagsIn(sectionOf(/^## Options of every command/m)).sort()).toEqual(flags.sort());
  });

  it.each(Object.entries(SHAPES))('shows for %s examples that have its shape, one of each', (name, shapes) => {
    const examples = examplesIn(commandSection(name));
    for (const example of examples)
      expect(
        shapes.some((shape) => shape.safeParse(example).success),
        JSON.stringify(example),
      ).toBe(true);
    for (const shape of shapes) expect(examples.some((one) => shape.safeParse(one).success)).toBe(true);
  });

  it('shows the shape of a failure', () => {
    const [example] = examplesIn(sectionOf(/^## Shapes/m));
    expect(errorShape.parse(example).ok).toBe(false);
  });

  it('says every field of our own shapes', () => {
    const said = (field: string): boolean => docs.includes(`"${field}"`) || docs.includes(`\`${field}\``);
    const own = [...Object.values(SHAPES).flat(), errorShape].flatMap((shape) => topFields(shape));
    expect([...new Set(own)].filter((field) => !said(field))).toEqual([]);
  });

  it('says every exit code', () => {
    const codes = [...sectionOf(/^## Exit codes/m).matchAll(/^\| (\d+) /gm)].map((match) => Number(match[1]));
    expect(codes).toEqual([...new Set([...Object.values(EXIT), EXIT_INTERRUPTED])].sort((a, b) => a - b));
  });
});

/** Fields of ours: the records' own are documented beside their schema, and are absent where they do not apply. */
function topFields(schema: z.core.$ZodType): string[] {
  const def = schema._zod.def as {
    type: string;
    catchall?: z.core.$ZodType;
    shape?: Record<string, z.core.$ZodType>;
    options?: z.core.$ZodType[];
    innerType?: z.core.$ZodType;
    element?: z.core.$ZodType;
  };
  if (def.type === 'object')
    return def.catchall ? Object.entries(def.shape ?? {}).flatMap(([key, inner]) => [key, ...topFields(inner)]) : [];
  return [...(def.options ?? []), def.innerType, def.element].flatMap((inner) => (inner ? topFields(inner) : []));
}
