/**
 * Whoever reads a secret to find a server connects to its field `host`: after a restore that field is compared with where the
 * server answers now. No other field is looked at, and none but that one is ever told.
 */
import { isServerTarget, type Config, type NativeTarget, type ServerTarget } from '../core/config.ts';
import type { Pointer } from '../core/engine-fields.ts';
import { toNightjarError } from '../core/errors.ts';
import type { NativeResource } from '../core/native.ts';
import type { Pointers } from './pointer.ts';

export interface Hosts {
  /** Sentences for what was checked and is right. */
  readonly right: readonly string[];
  /** Sentences for what a person must look at, each with what to do. */
  readonly wrong: readonly string[];
}

/** A server that serves, and the one that it replaced, as they are now. */
export interface Replacing {
  readonly serves: NativeResource;
  readonly replaced: NativeResource | undefined;
}

type SecretPointer = Extract<Pointer, { secret: string }>;
interface Reader {
  readonly field: SecretPointer;
  /** Who reads it, as a clause such as `the check of the target shop`. */
  readonly who: string;
}

const hostOf = (secret: string): SecretPointer => ({ secret, field: 'host' });
const asHost = (host: string): string => host.replace(/\.$/, '').toLowerCase();

/** The endpoint, and of a cluster its readers' one. Source: AWS, Aurora User Guide, "Amazon Aurora endpoint connections". */
const namesOf = (endpoint: string): string[] => [endpoint, endpoint.replace('.cluster-', '.cluster-ro-')].map(asHost);

/** Dumps of what answers, or answered, at these endpoints. */
function dumpsOf(config: Config, endpoints: readonly string[]): ServerTarget[] {
  const known = new Set(endpoints.flatMap(namesOf));
  return config.targets.filter(isServerTarget).filter(({ host }) => known.has(asHost(host)));
}

/** Secrets that the config names for this server: of its check, of its pointer, and of its dumps. */
function readersOf(target: NativeTarget, dumps: readonly ServerTarget[]): Reader[] {
  const { pointer } = target;
  return [
    ...('check' in target && target.check
      ? [{ field: hostOf(target.check.secret), who: `the check of the target ${target.name}` }]
      : []),
    ...(pointer && 'secret' in pointer ? [{ field: pointer, who: `the pointer of the target ${target.name}` }] : []),
    ...dumps.map(({ name, secret }) => ({ field: hostOf(secret), who: `the dumps of the target ${name}` })),
  ];
}

/** One entry per field, whoever reads it. */
function joined(readers: readonly Reader[]): Reader[] {
  const byField = new Map<string, Reader>();
  for (const { field, who } of readers) {
    const key = `${field.secret} ${field.field}`;
    const known = byField.get(key);
    byField.set(key, { field, who: known ? `${known.who}, ${who}` : who });
  }
  return [...byField.values()];
}

/** Reads what may be read; a secret that can not be read, and one that names no host, is a sentence like any other. */
export async function secretHosts(
  pointers: Pick<Pointers, 'read'>,
  config: Config,
  target: NativeTarget,
  { serves, replaced }: Replacing,
): Promise<Hosts> {
  const { endpoint, passwordSecret, settings } = serves;
  if (endpoint === undefined)
    return {
      right: [],
      wrong: [`${settings.name} has no endpoint yet, so no secret's host could be compared with it.`],
    };
  const dumps = dumpsOf(config, [endpoint, ...(replaced?.endpoint === undefined ? [] : [replaced.endpoint])]);
  const right: string[] = [];
  const wrong = dumps
    .filter(({ host }) => !namesOf(endpoint).includes(asHost(host)))
    .map(
      ({ name, host }) =>
        `The target ${name} dumps from ${host}, which is the replaced one: put ${endpoint} into the config and deploy.`,
    );
  for (const { field, who } of joined(readersOf(target, dumps))) {
    const secret = `the secret ${field.secret} (${who})`;
    // RDS keeps a user and a password in a secret of its own, and no host.
    if (field.secret === passwordSecret) continue;
    if (field.secret === replaced?.passwordSecret) {
      wrong.push(
        `In ${secret} RDS keeps the master password of the replaced one: put ${passwordSecret ?? 'the secret of the restored one'} into the config and deploy, or nobody can log in to ${settings.name} with it.`,
      );
      continue;
    }
    try {
      const host = await pointers.read(field);
      if (host === '') wrong.push(unknown(secret, `its field ${field.field} is empty.`, settings.name, endpoint));
      else if (namesOf(endpoint).includes(asHost(host)))
        right.push(`The host in ${secret} is where ${settings.name} answers.`);
      else
        wrong.push(
          `The host in ${secret} is ${host}, and ${settings.name} answers at ${endpoint}. Unless that is a name which leads there (a CNAME, a proxy), set the field ${field.field} to ${endpoint}.`,
        );
    } catch (error) {
      wrong.push(unknown(secret, toNightjarError(error).detail ?? String(error), settings.name, endpoint));
    }
  }
  return { right, wrong };
}

const unknown = (secret: string, why: string, name: string, endpoint: string): string =>
  `Which host ${secret} leads to is not known: ${why} See that whoever reads it connects to ${endpoint}, where ${name} answers.`;
