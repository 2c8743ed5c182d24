/** Events on the default bus, for whoever wires a chat or a pager to them. */
import { PutEventsCommand, type EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { NightjarError } from '../../core/errors.ts';
import { EVENT_SOURCE, type EVENTS } from '../../core/names.ts';

export type EventName = (typeof EVENTS)[keyof typeof EVENTS];

export interface Events {
  /** At least once: a state that is retried says it again, with the same ids. */
  publish(name: EventName, details: readonly object[]): Promise<void>;
}

/** EventBridge takes this many at once. */
const BATCH = 10;

export const awsEvents = (client: EventBridgeClient): Events => ({
  async publish(name, details) {
    for (let start = 0; start < details.length; start += BATCH) {
      const answer = await client.send(
        new PutEventsCommand({
          Entries: details.slice(start, start + BATCH).map((detail) => ({
            Source: EVENT_SOURCE,
            DetailType: name,
            Detail: JSON.stringify(detail),
          })),
        }),
      );
      const refused = answer.Entries?.find((entry) => entry.ErrorCode);
      if (refused)
        throw new NightjarError('UNEXPECTED', {
          operation: 'PutEvents',
          detail: `${name}: ${refused.ErrorCode}: ${refused.ErrorMessage ?? ''}`,
        });
    }
  },
});
