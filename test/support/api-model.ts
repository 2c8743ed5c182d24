/**
 * Requests judged by the service's own API model, as botocore carries it: unknown and missing fields, types, enums, lengths
 * and patterns. What an emulator lets pass is caught here.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { TOOLS } from '../../local/paths.ts';

export interface ApiRequest {
  /** Botocore's name of the service, such as `rds` or `application-autoscaling`. */
  readonly service: string;
  /** Such as `ModifyDBInstance`. */
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
}

interface Shape {
  readonly type: string;
  readonly required?: readonly string[];
  readonly members?: Readonly<Record<string, { shape: string; idempotencyToken?: boolean }>>;
  readonly member?: { shape: string };
  readonly key?: { shape: string };
  readonly value?: { shape: string };
  readonly enum?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly union?: boolean;
}
interface Model {
  readonly operations: Readonly<Record<string, { input?: { shape: string } }>>;
  readonly shapes: Readonly<Record<string, Shape>>;
}

const models = new Map<string, Model>();
function modelOf(service: string): Model {
  const known = models.get(service);
  if (known) return known;
  const lib = join(TOOLS, 'python', 'lib');
  const python = readdirSync(lib).find((name) => name.startsWith('python3'));
  const home = join(lib, python ?? 'python3', 'site-packages', 'botocore', 'data', service);
  const version = readdirSync(home).sort().at(-1)!;
  const bytes = readFileSync(join(home, version, 'service-2.json.gz'));
  const model = JSON.parse(gunzipSync(bytes).toString()) as Model;
  models.set(service, model);
  return model;
}

const whole = (pattern: string): RegExp | undefined => {
  try {
    return new RegExp(`^(?:${pattern})$`, 'u');
  } catch {
    return undefined; // a dialect of its own; length and type are checked anyway
  }
};

function size(what: number, shape: Shape, path: string, unit: string): string[] {
  return [
    ...(shape.min !== undefined && what < shape.min ? [`${path}: ${what} ${unit}, at least ${shape.min}`] : []),
    ...(shape.max !== undefined && what > shape.max ? [`${path}: ${what} ${unit}, at most ${shape.max}`] : []),
  ];
}

function wrongText(text: string, shape: Shape, path: string): string[] {
  const pattern = shape.pattern === undefined ? undefined : whole(shape.pattern);
  return [
    ...size([...text].length, shape, path, 'characters'),
    ...(shape.enum && !shape.enum.includes(text) ? [`${path}: "${text}" is none of ${shape.enum.join(', ')}`] : []),
    ...(pattern && !pattern.test(text) ? [`${path}: "${text}" does not match ${shape.pattern}`] : []),
  ];
}

function wrongStructure(model: Model, shape: Shape, input: Record<string, unknown>, path: string): string[] {
  const members = shape.members ?? {};
  const given = Object.entries(input).filter(([, value]) => value !== undefined);
  const missing = (shape.required ?? []).filter(
    (name) => input[name] === undefined && !members[name]?.idempotencyToken,
  );
  return [
    ...missing.map((name) => `${path}.${name}: is missing`),
    ...(shape.union && given.length !== 1 ? [`${path}: a union takes one member, not ${given.length}`] : []),
    ...given.flatMap(([name, value]) =>
      members[name]
        ? wrong(model, members[name].shape, value, `${path}.${name}`)
        : [`${path}.${name}: there is no such field`],
    ),
  ];
}

function wrong(model: Model, name: string, value: unknown, path: string): string[] {
  const shape = model.shapes[name]!;
  const not = (is: boolean): string[] => (is ? [] : [`${path}: ${JSON.stringify(value)} is no ${shape.type}`]);
  switch (shape.type) {
    case 'structure':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
        ? wrongStructure(model, shape, value as Record<string, unknown>, path)
        : not(false);
    case 'list':
      if (!Array.isArray(value)) return not(false);
      return [
        ...size(value.length, shape, path, 'elements'),
        ...value.flatMap((one, index) => wrong(model, shape.member!.shape, one, `${path}[${index}]`)),
      ];
    case 'map':
      if (typeof value !== 'object' || value === null) return not(false);
      return Object.entries(value).flatMap(([key, one]) => [
        ...wrong(model, shape.key!.shape, key, `${path}{${key}}`),
        ...wrong(model, shape.value!.shape, one, `${path}.${key}`),
      ]);
    case 'string':
      return typeof value === 'string' ? wrongText(value, shape, path) : not(false);
    case 'integer':
    case 'long':
      return Number.isInteger(value) ? size(value as number, shape, path, '') : not(typeof value === 'bigint');
    case 'float':
    case 'double':
      return not(typeof value === 'number');
    case 'boolean':
      return not(typeof value === 'boolean');
    case 'timestamp':
      return not(value instanceof Date && !Number.isNaN(value.getTime()));
    case 'blob':
      return not(value instanceof Uint8Array || typeof value === 'string');
    default:
      return [`${path}: a ${shape.type} is not known here`];
  }
}

/** What the model has against a request; empty when nothing. */
export function complaints(request: ApiRequest): string[] {
  const model = modelOf(request.service);
  const operation = model.operations[request.operation];
  if (!operation) return [`${request.service} has no operation ${request.operation}`];
  if (!operation.input) return [];
  // What is not set is not sent.
  return wrong(model, operation.input.shape, request.input, request.operation);
}

/** @throws Error that lists what the model has against the request. */
export function mustFitModel(request: ApiRequest): void {
  const found = complaints(request);
  if (found.length > 0)
    throw new Error(`the API model of ${request.service} refuses this request:\n${found.join('\n')}`);
}

interface Middlewares {
  readonly middlewareStack: {
    add(
      middleware: (
        next: (args: { input: object }) => Promise<unknown>,
        context: { commandName?: string },
      ) => (args: { input: object }) => Promise<unknown>,
      options: { step: 'initialize'; name: string },
    ): void;
  };
}

/** Makes a real client refuse what the model refuses, and write every request into `log`. */
export function judged<C>(client: C, service: string, log: ApiRequest[] = []): C {
  (client as C & Middlewares).middlewareStack.add(
    (next, context) => (args) => {
      const operation = (context.commandName ?? '').replace(/Command$/, '');
      const request = { service, operation, input: args.input as ApiRequest['input'] };
      log.push(request);
      mustFitModel(request);
      return next(args);
    },
    { step: 'initialize', name: 'judgedByModel' },
  );
  return client;
}
