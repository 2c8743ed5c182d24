import { describe, expect, it } from 'vitest';
import { readLogin } from '../../tasks/login.ts';

const ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf';
type Client = Parameters<typeof readLogin>[0];
const answering = (SecretString?: string): Client => ({ send: () => Promise.resolve({ SecretString }) });
const refusing = (name: string): Client => ({
  send: () => Promise.reject(Object.assign(new Error('no'), { name })),
});

describe('the login', () => {
  it('is read anew each time, so that a rotated password is picked up', async () => {
    let asked = 0;
    const client: Client = {
      send: () => Promise.resolve({ SecretString: JSON.stringify({ username: 'u', password: `p${(asked += 1)}` }) }),
    };
    expect(await readLogin(client, ARN)).toEqual({ username: 'u', password: 'p1' });
    expect(await readLogin(client, ARN)).toEqual({ username: 'u', password: 'p2' });
  });

  it.each([
    ['ResourceNotFoundException', 'SECRET_MISSING'],
    ['InvalidRequestException', 'SECRET_MISSING'],
    ['AccessDeniedException', 'SECRET_DENIED'],
    ['DecryptionFailure', 'SECRET_DENIED'],
    ['TimeoutError', 'UNEXPECTED'],
  ])('that %s refuses is %s and names the secret', async (name, code) => {
    await expect(readLogin(refusing(name), ARN)).rejects.toMatchObject({
      code,
      detail: expect.stringContaining(ARN) as string,
    });
  });

  it.each([
    ['hunter2, in plain'],
    ['{"username":"u","password":["hunter2"]}'],
    ['{"password":"hunter2"}'],
    [undefined],
  ])('of a malformed secret is SECRET_MALFORMED and repeats nothing of it: %s', async (text) => {
    const error = await readLogin(answering(text), ARN).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SECRET_MALFORMED' });
    expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain('hunter2');
  });
});
