/** What doctor learns of the identity that restores of an encrypted target will need. */
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Encryption } from '../../core/engine-fields.ts';
import { NightjarError } from '../../core/errors.ts';
import { identityFindings, readIdentity } from '../../tasks/identity.ts';

const SECRET = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:identity-AbCdEf';
type Client = Parameters<typeof readIdentity>[0];
const holding = (SecretString?: string): Client => ({ send: () => Promise.resolve({ SecretString }) });
const refusing = (name: string): Client => ({ send: () => Promise.reject(Object.assign(new Error('no'), { name })) });

let identity: string;
let stranger: string;
let encryption: Encryption;
beforeAll(async () => {
  [identity, stranger] = [await generateX25519Identity(), await generateX25519Identity()];
  const other = await identityToRecipient(await generateX25519Identity());
  encryption = { recipients: [other, await identityToRecipient(identity)], identity: SECRET };
});
const look = (client: Client) => identityFindings(encryption, (secret) => readIdentity(client, secret));

describe('the identity of an encrypted target', () => {
  it.each(['', '\n'])('is well when it is of one of the recipients', async (ending) => {
    const found = await look(holding(identity + ending));
    expect(found.map((one) => one.level)).toEqual(['ok']);
    expect(found[0]!.what).toContain(SECRET);
    expect(JSON.stringify(found)).not.toContain(identity);
  });

  it('is bad when it is of nobody that the config names, and it is said whose it is', async () => {
    const found = await look(holding(stranger));
    expect(found).toMatchObject([{ level: 'bad', hint: expect.stringContaining('recipients') as string }]);
    expect(found[0]!.what).toContain(await identityToRecipient(stranger));
    expect(JSON.stringify(found)).not.toContain(stranger);
  });

  it.each([
    ['nothing', () => undefined],
    ['other words', () => 'hunter2'],
    ['a login', () => '{"username":"u","password":"hunter2"}'],
    ['a cut identity', () => identity.slice(0, -3)],
    ['two lines', () => `# hunter2\n${identity}`],
    ['a recipient', () => encryption.recipients[1]],
  ])('is bad when the secret holds %s, which is not repeated', async (_, value) => {
    const held = value();
    const found = await look(holding(held));
    expect(found).toMatchObject([{ level: 'bad', hint: expect.stringContaining('AGE-SECRET-KEY-1') as string }]);
    expect(found[0]!.what).toContain(`${SECRET} is no age identity`);
    expect(JSON.stringify(found)).not.toMatch(/hunter2/);
    expect(JSON.stringify(found)).not.toContain(identity.slice(16, -3));
  });

  it.each(['ResourceNotFoundException', 'InvalidRequestException', 'AccessDeniedException', 'DecryptionFailure'])(
    'is bad when Secrets Manager says %s, and the words are not those of a login',
    async (name) => {
      const found = await look(refusing(name));
      expect(found).toMatchObject([{ level: 'bad' }]);
      expect(found[0]!.what).toContain(SECRET);
      expect(found[0]!.what).toContain(name);
      expect(JSON.stringify(found)).not.toContain('password');
      await expect(readIdentity(refusing(name), SECRET)).rejects.toMatchObject({
        code: 'IDENTITY_MISSING',
        detail: expect.stringContaining(name) as string,
      });
    },
  );

  it('is not called bad for a network that fails: that is the probe’s own failure', async () => {
    await expect(look(refusing('TimeoutError'))).rejects.toMatchObject({ code: 'UNEXPECTED' });
    await expect(look(refusing('TimeoutError'))).rejects.toBeInstanceOf(NightjarError);
  });
});
