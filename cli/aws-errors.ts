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

/** True when AWS said that these credentials may not. */
export const isDenied = (thrown: unknown): boolean => thrown instanceof Error && DENIED.test(nameOf(thrown));

/** Any thrown thing as an error of the registry, the SDK's own among them. */
export function toCommandError(thrown: unknown, operation?: string): NightjarError {
  // The deployed config's reader says CONFIG_INVALID also where AWS said no.
  const inner = thrown instanceof NightjarError && thrown.code === 'CONFIG_INVALID' ? thrown.cause : thrown;
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
