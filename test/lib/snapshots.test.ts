import { describe, expect, it } from 'vitest';
import { synth } from './synth.ts';
import type { Template } from './resolve.ts';

/** Without what changes with every edit of a handler (hashes of assets) and what is checked elsewhere (cdk-nag). */
function stable(template: Template): string {
  const resources = Object.fromEntries(
    Object.entries(template.Resources).map(([id, resource]) => [id, { ...resource, Metadata: undefined }]),
  );
  return `${JSON.stringify({ ...template, Resources: resources }, null, 2).replace(/[0-9a-f]{64}/g, '<hash>')}\n`;
}

describe('the synthesized stacks', () => {
  const { vault, backup } = synth();
  it('are what was looked at last: the vault', async () => {
    await expect(stable(vault)).toMatchFileSnapshot('./__snapshots__/vault.template.json');
  });
  it('are what was looked at last: the backup stack', async () => {
    await expect(stable(backup)).toMatchFileSnapshot('./__snapshots__/backup.template.json');
  });
});
