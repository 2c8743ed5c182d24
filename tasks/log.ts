import type { Secrecy } from './secrecy.ts';

export type Level = 'info' | 'warn' | 'error';
/** One line of JSON on stdout, which the container's log driver keeps. */
export type Log = (level: Level, message: string, facts?: Readonly<Record<string, string | number>>) => void;

export const makeLog =
  (secrecy: Secrecy, common: Readonly<Record<string, string | number>>): Log =>
  (level, message, facts = {}) => {
    const line = JSON.stringify({ at: new Date().toISOString(), level, message, ...common, ...facts });
    process.stdout.write(`${secrecy.scrub(line)}\n`);
  };
