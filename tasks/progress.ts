/** What the task says about itself: to the catalog every few seconds, and once at its end. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Catalog } from '../core/catalog.ts';
import type { ExchangeState } from '../core/exchange.ts';
import type { Failure } from '../core/errors.ts';
import type { Outcome, Progress } from '../core/job.ts';
import type { Reporter } from './engine.ts';
import type { Log } from './log.ts';
import type { Secrecy } from './secrecy.ts';

/** More would only hide the first ones; an item has a size limit. */
const WARNINGS_KEPT = 50;
const WARNING_LENGTH = 500;

export interface ProgressOptions {
  readonly id: string;
  readonly attempt: number;
  readonly taskArn?: string;
  readonly catalog: Pick<Catalog, 'putProgress'>;
  readonly secrecy: Secrecy;
  readonly log: Log;
  /** Between two writes; 5 s by default. */
  readonly everyMs?: number;
  /** How long the last write is tried again; 30 s by default. */
  readonly lastWordMs?: number;
}

export class ProgressWriter implements Reporter {
  readonly #options: ProgressOptions;
  readonly #warnings: string[] = [];
  #phase = 'starting';
  #bytes = 0;
  #totalBytes: number | undefined;
  #databaseBytes: number | undefined;
  #exchange: ExchangeState | undefined;
  #lastSign = Date.now();
  /** Something is there that the catalog has not been told. */
  #news = true;
  /** The write that is under way. */
  #writing: Promise<void> | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tell(), options.everyMs ?? 5_000);
    this.#tell();
  }

  phase(text: string): void {
    this.#sign();
    if (text === this.#phase) return;
    this.#phase = this.#options.secrecy.scrub(text);
    this.#options.log('info', this.#phase);
  }

  moved(bytes: number): void {
    this.#sign();
    this.#bytes += bytes;
  }

  expect(bytes: number): void {
    this.#sign();
    this.#totalBytes = Math.round(bytes);
  }

  found(databaseBytes: number): void {
    this.#sign();
    this.#databaseBytes = databaseBytes;
  }

  warn(text: string): void {
    const clean = this.#options.secrecy.scrub(text);
    this.#options.log('warn', clean);
    this.#warnings.push(clean);
  }

  async exchange(state: ExchangeState): Promise<void> {
    this.#sign();
    this.#exchange = state;
    const told = async (): Promise<void> => {
      // A write that is under way may have been put together before this.
      await this.#writing;
      this.#news = true;
      this.#tell();
      await this.#writing;
    };
    const { lastWordMs = 30_000 } = this.#options;
    await Promise.race([told(), pause(lastWordMs / 3, undefined, { ref: false })]);
  }

  /** What was warned of, fit for a record. */
  get warnings(): string[] {
    const kept = this.#warnings
      .slice(0, WARNINGS_KEPT)
      .map((text) => (text.length > WARNING_LENGTH ? `${text.slice(0, WARNING_LENGTH)}…` : text));
    const more = this.#warnings.length - kept.length;
    return more > 0 ? [...kept, `… and ${more} more; see the task’s log.`] : kept;
  }

  /** As {@link found} was told. */
  get databaseBytes(): number | undefined {
    return this.#databaseBytes;
  }

  /** What was last said to be going on. */
  get doing(): string {
    return this.#phase;
  }

  /** Milliseconds since the last sign of life. */
  get silentMs(): number {
    return Date.now() - this.#lastSign;
  }

  /** The last word. @throws when the catalog does not take it: then the exit status has to tell. */
  async end(end: { outcome: Outcome } | { failure: Failure }): Promise<void> {
    clearInterval(this.#timer);
    const { secrecy, log, lastWordMs = 30_000 } = this.#options;
    // An older word must not arrive after the last one.
    await Promise.race([this.#writing, pause(lastWordMs / 3, undefined, { ref: false })]);
    const last: Progress =
      'outcome' in end
        ? { ...this.#now('succeeded'), outcome: end.outcome }
        : { ...this.#now('failed'), failure: secrecy.scrubFailure(end.failure) };
    const deadline = Date.now() + lastWordMs;
    for (let wait = 100; ; wait *= 2) {
      try {
        return await this.#options.catalog.putProgress(last);
      } catch (error) {
        if (Date.now() + wait > deadline) throw error;
        log('warn', 'The catalog did not take the outcome; trying again.', { cause: String(error) });
        await pause(wait);
      }
    }
  }

  #sign(): void {
    this.#lastSign = Date.now();
    this.#news = true;
  }

  /** A write that fails is said and made up for by the next; it never stops the work. */
  #tell(): void {
    if (!this.#news || this.#writing) return;
    this.#news = false;
    this.#writing = this.#options.catalog
      .putProgress(this.#now('running'))
      .catch((error: unknown) => {
        this.#news = true;
        this.#options.log('warn', 'The catalog did not take the progress.', { cause: String(error) });
      })
      .finally(() => (this.#writing = undefined));
  }

  #now(status: Progress['status']): Progress {
    const { id, attempt, taskArn } = this.#options;
    return {
      id,
      attempt,
      status,
      phase: this.#phase,
      bytes: this.#bytes,
      ...(this.#totalBytes === undefined ? {} : { totalBytes: this.#totalBytes }),
      ...(this.#databaseBytes === undefined ? {} : { databaseBytes: this.#databaseBytes }),
      ...(this.#exchange === undefined ? {} : { exchange: this.#exchange }),
      updatedAt: new Date().toISOString(),
      ...(taskArn === undefined ? {} : { taskArn }),
    };
  }
}
