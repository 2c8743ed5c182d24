import { describe, expect, it } from 'vitest';
import type { Pointer } from '../../core/engine-fields.ts';
import { awsPointers, placeOf, type Pointers } from '../../services/pointer.ts';
import { mustFitModel } from '../support/api-model.ts';
import { SECRET } from '../lambdas/support/world.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each operation has fields of its own
type Input = Readonly<Record<string, any>>;
interface RecordSet {
  Name: string;
  Type: string;
  TTL: number;
  SetIdentifier?: string;
  ResourceRecords: { Value: string }[];
}

/** Three services in memory, each request judged by its model. */
class Places {
  parameter: { Value: string; Type: string } | undefined = { Value: 'old.example.org', Type: 'String' };
  secret = JSON.stringify({ username: 'app', password: 'hush', host: 'old.example.org' });
  records: RecordSet[] = [
    { Name: 'db.example.org.', Type: 'CNAME', TTL: 300, ResourceRecords: [{ Value: 'old.example.org' }] },
    { Name: 'other.example.org.', Type: 'CNAME', TTL: 300, ResourceRecords: [{ Value: 'else.example.org' }] },
  ];
  /** Runs before a write, after the reading. */
  meanwhile: () => void = () => undefined;

  readonly pointers: Pointers = awsPointers({
    ssm: this.client('ssm'),
    secrets: this.client('secretsmanager'),
    route53: this.client('route53'),
  });

  private client(service: string): { send: (command: object) => Promise<unknown> } {
    return {
      send: async (command) => {
        await Promise.resolve();
        const operation = command.constructor.name.replace(/Command$/, '');
        const { input } = command as { input: Input };
        // The SDK fills in what makes a request the same request when it is sent again.
        mustFitModel({
          service,
          operation,
          input: { ...input, ...(operation === 'PutSecretValue' ? { ClientRequestToken: 'x'.repeat(32) } : {}) },
        });
        if (!/^(Get|List)/.test(operation)) this.meanwhile();
        return (this as unknown as Record<string, (input: Input) => unknown>)[operation]!(input);
      },
    };
  }
  protected GetParameter(): unknown {
    if (!this.parameter) throw Object.assign(new Error('not there'), { name: 'ParameterNotFound' });
    return { Parameter: this.parameter };
  }
  protected PutParameter({ Value }: Input): void {
    this.parameter = { Value: String(Value), Type: 'String' };
  }
  protected GetSecretValue(): unknown {
    return { SecretString: this.secret };
  }
  protected PutSecretValue({ SecretString }: Input): void {
    this.secret = String(SecretString);
  }
  protected ListResourceRecordSets({ StartRecordName }: Input): unknown {
    const from = this.records.findIndex(({ Name }) => Name.startsWith(String(StartRecordName)));
    return { ResourceRecordSets: structuredClone(from < 0 ? [] : this.records.slice(from)) };
  }
  protected ChangeResourceRecordSets({ ChangeBatch }: Input): void {
    const { Changes } = ChangeBatch as { Changes: { Action: string; ResourceRecordSet: RecordSet }[] };
    const same = (one: RecordSet): string => JSON.stringify(one);
    let next = [...this.records];
    for (const { Action, ResourceRecordSet: set } of Changes) {
      const found = next.some((one) => same(one) === same(set));
      if (Action === 'DELETE' && !found)
        throw Object.assign(new Error('the values provided do not match the current values'), {
          name: 'InvalidChangeBatch',
        });
      next = Action === 'DELETE' ? next.filter((one) => same(one) !== same(set)) : [...next, set];
    }
    this.records = next;
  }
}

const POINTERS: readonly (readonly [string, Pointer])[] = [
  ['an SSM parameter', { parameter: '/shop/host' }],
  ['a field of a secret', { secret: SECRET, field: 'host' }],
  ['a CNAME', { hostedZone: 'Z0123456789ABCDEFGHIJ', record: 'db.example.org', ttlSeconds: 60 }],
];
const said = ({ code, detail }: { code: string; detail: string }): string => `${code} ${detail}`;

describe.each(POINTERS)('%s', (_, pointer) => {
  it('is read, switched, and switched back', async () => {
    const { pointers } = new Places();
    expect(await pointers.read(pointer)).toBe('old.example.org');
    await pointers.change(pointer, 'old.example.org', 'new.example.org');
    expect(await pointers.read(pointer)).toBe('new.example.org');
    await pointers.change(pointer, 'old.example.org', 'new.example.org');
    await pointers.change(pointer, 'new.example.org', 'old.example.org');
    expect(await pointers.read(pointer)).toBe('old.example.org');
  });

  it('that says something else is left alone, and what it says is told', async () => {
    const { pointers } = new Places();
    const error = await pointers.change(pointer, 'mine.example.org', 'new.example.org').catch(said as never);
    expect(error).toContain('POINTER_FAILED');
    expect(error).toContain("says 'old.example.org' and not 'mine.example.org'");
    expect(error).toContain(placeOf(pointer));
    expect(await pointers.read(pointer)).toBe('old.example.org');
  });
});

it('the other fields of a secret stay as they are, and none is ever told', async () => {
  const places = new Places();
  const pointer = { secret: SECRET, field: 'host' };
  await places.pointers.change(pointer, 'old.example.org', 'new.example.org');
  expect(JSON.parse(places.secret)).toEqual({ username: 'app', password: 'hush', host: 'new.example.org' });
  places.secret = 'password: hush';
  expect(await places.pointers.read(pointer).catch(said as never)).not.toContain('hush');
  places.secret = JSON.stringify({ password: 'hush' });
  expect(await places.pointers.read(pointer).catch(said as never)).not.toContain('hush');
});

it('a CNAME that somebody changed after it was read is not overwritten; a new TTL comes with the switch', async () => {
  const places = new Places();
  const pointer = POINTERS[2]![1];
  places.meanwhile = () => (places.records[0]!.ResourceRecords[0]!.Value = 'theirs.example.org');
  const error = await places.pointers.change(pointer, 'old.example.org', 'new.example.org').catch(said as never);
  expect(error).toContain('POINTER_FAILED');
  places.meanwhile = () => undefined;
  await places.pointers.change(pointer, 'THEIRS.example.org.', 'new.example.org');
  expect(places.records.at(-1)).toMatchObject({
    Name: 'db.example.org.',
    TTL: 60,
    ResourceRecords: [{ Value: 'new.example.org' }],
  });
  expect(places.records).toHaveLength(2);
});

it('what is no simple pointer is refused: a list, a weighted record, one that is not there', async () => {
  const places = new Places();
  places.parameter = { Value: 'a,b', Type: 'StringList' };
  expect(await places.pointers.read({ parameter: '/shop/host' }).catch(said as never)).toContain(
    'a pointer is a String',
  );
  places.parameter = undefined;
  expect(await places.pointers.read({ parameter: '/shop/host' }).catch(said as never)).toContain('ParameterNotFound');
  places.records[0]!.SetIdentifier = 'blue';
  expect(await places.pointers.read(POINTERS[2]![1]).catch(said as never)).toContain('routing policy');
  places.records = [];
  expect(await places.pointers.read(POINTERS[2]![1]).catch(said as never)).toContain('is not there');
});
