import { request, type Agent } from 'node:https';

/** A mail that SES accepted. */
export interface Mail {
  id: string;
  from: string;
  to: string[];
  subject: string;
  text: string;
  html?: string;
  /** ISO 8601. */
  at: string;
}

/** What every AWS SDK v3 client of this process needs to talk to the account: `new S3Client(account.clientConfig)`. */
export interface ClientConfig {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  /** The endpoint is an address, which has no subdomains; clients other than S3's ignore it. */
  forcePathStyle: true;
  requestHandler: { httpsAgent: Agent };
}

/** `agent` trusts the account's certificate. */
export function clientConfigFor(
  endpoint: string,
  region: string,
  credentials: ClientConfig['credentials'],
  agent: Agent,
): ClientConfig {
  return { endpoint, region, credentials, forcePathStyle: true, requestHandler: { httpsAgent: agent } };
}

interface Json {
  status: number;
  body: unknown;
}

/** Asks one of the emulator's own addresses. @throws Error if no JSON comes back within 10 s. */
export function getJson(url: string, agent: Agent): Promise<Json> {
  return new Promise((resolve, reject) => {
    const call = request(url, { agent, timeout: 10_000 }, (response) => {
      let text = '';
      response.on('data', (piece: Buffer) => (text += piece.toString()));
      response.on('end', () => {
        try {
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) });
        } catch (error) {
          reject(new Error(`${url} answered no JSON`, { cause: error }));
        }
      });
    });
    call.on('timeout', () => call.destroy(new Error(`${url} did not answer`)));
    call.on('error', reject);
    call.end();
  });
}

interface EmulatorMail {
  MessageId: string;
  Source: string;
  To: string[];
  Subject: string;
  BodyText: string;
  BodyHtml?: string | null;
  Timestamp: string | number;
}

/** The mails that SES has accepted in an account, oldest first. */
export async function receivedMails(endpoint: string, account: string, agent: Agent): Promise<Mail[]> {
  const { body } = await getJson(`${endpoint}/_ministack/ses/messages?account=${account}`, agent);
  const sent = (body as { messages: Record<string, EmulatorMail[]> }).messages[account] ?? [];
  return sent.map((mail) => ({
    id: mail.MessageId,
    from: mail.Source,
    to: mail.To,
    subject: mail.Subject,
    text: mail.BodyText,
    ...(mail.BodyHtml ? { html: mail.BodyHtml } : {}),
    at: new Date(typeof mail.Timestamp === 'number' ? mail.Timestamp * 1000 : mail.Timestamp).toISOString(),
  }));
}
