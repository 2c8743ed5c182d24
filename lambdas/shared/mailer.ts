/** Mail through SES. */
import { SendEmailCommand, type SESv2Client } from '@aws-sdk/client-sesv2';
import type { Mail } from '../../core/report.ts';

export interface Mailer {
  /** One mail to one address. @throws what SES said. */
  send(from: string, to: string, mail: Mail): Promise<void>;
}

export const awsMailer = (client: SESv2Client): Mailer => ({
  async send(from, to, mail) {
    await client.send(
      new SendEmailCommand({
        FromEmailAddress: from,
        Destination: { ToAddresses: [to] },
        Content: {
          Simple: {
            Subject: { Data: mail.subject, Charset: 'UTF-8' },
            Body: { Text: { Data: mail.text, Charset: 'UTF-8' }, Html: { Data: mail.html, Charset: 'UTF-8' } },
          },
        },
      }),
    );
  },
});
