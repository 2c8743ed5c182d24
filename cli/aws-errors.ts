/** What the AWS SDK throws, in the words of the registry. */
import { NightjarError, toNightjarError } from '../core/errors.ts';

const DENIED =
  /AccessDenied|Unauthorized|NotAuthorized|UnrecognizedClient|InvalidClientTokenId|SignatureDoesNotMatch|ExpiredToken|InvalidSignature|InvalidAccessKeyId|AuthFailure|OptInRequired|MissingAuthenticationToken|Forbidden/i;
const UNREACHABLE =
  /CredentialsProvider|TokenProvider|Timeout|ENOTFOUND|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ETIMEDOUT|NetworkingError|CERT_|SELF_SIGNED|UNABLE_TO_/i;

const nameOf = (error: Error): string => {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? `${error.name} ${code}` : error.name;
};

/** Codes under which a room below hands on whatever AWS said, a refusal of the credentials among it. */
const HANDED_ON: readonly string[] = ['CONFIG_INVALID', 'SERVICE_REFUSED', 'POINTER_FAILED'];
const innerOf = (thrown: unknown): unknown =>
  thrown instanceof NightjarError && HANDED_ON.includes(thrown.code) ? thrown.cause : thrown;

/** True when AWS said that these credentials may not. */
export function isDenied(thrown: unknown): boolean {
  const inner = innerOf(thrown);
  return inner instanceof Error && DENIED.test(nameOf(inner));
}

/** Any thrown thing as an error of the registry, the SDK's own among them. */
export function toCommandError(thrown: unknown, operation?: string): NightjarError {
  const inner = innerOf(thrown);
  if (inner instanceof Error && !(inner instanceof NightjarError)) {
    const name = nameOf(inner);
    const detail = `${inner.name}: ${inner.message || name}`;
    const say = (code: 'AWS_DENIED' | 'AWS_UNREACHABLE'): NightjarError =>
      new NightjarError(code, { detail, cause: inner, ...(operation ? { operation } : {}) });
    if (DENIED.test(name)) return say('AWS_DENIED');
    if (UNREACHABLE.test(name) || inner.message.includes('Region is missing')) return say('AWS_UNREACHABLE');
  }
  return toNightjarError(thrown, operation);
}
