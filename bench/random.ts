/** Chance from a seed: the same seed gives the same rows on every machine. */

/** 32-bit numbers by sfc32, which passes the usual tests of randomness and is fast in JavaScript. */
export class Chance {
  #a: number;
  #b = 0x9e3779b9;
  #c = 0x243f6a88;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    for (let round = 0; round < 20; round += 1) this.bits();
  }

  /** 32 bits, unsigned. */
  bits(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor((this.bits() / 0x1_0000_0000) * limit);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** Small indexes far more often than large ones, as words in a language: about 1/rank. */
  rank(limit: number): number {
    return Math.floor(limit ** (this.bits() / 0x1_0000_0000)) - 1;
  }

  hex(digits: number): string {
    let text = '';
    while (text.length < digits) text += this.bits().toString(16).padStart(8, '0');
    return text.slice(0, digits);
  }

  uuid(): string {
    const text = this.hex(32);
    return `${text.slice(0, 8)}-${text.slice(8, 12)}-4${text.slice(13, 16)}-a${text.slice(17, 20)}-${text.slice(20)}`;
  }

  bytes(length: number): Buffer {
    const words = new Uint32Array(Math.ceil(length / 4));
    for (let index = 0; index < words.length; index += 1) words[index] = this.bits();
    return Buffer.from(words.buffer, 0, length);
  }
}

const SYLLABLES = 'ka ro mi ten sal ver do lin pra the an es ing for ta re qui mon der su ab no el gra wi hou'.split(
  ' ',
);

/** A language of its own: common words are short, rare ones long. */
export function vocabulary(chance: Chance, size: number): string[] {
  return Array.from({ length: size }, (_, index) => {
    const syllables = 1 + chance.below(index < 100 ? 2 : 4);
    return Array.from({ length: syllables }, () => chance.pick(SYLLABLES)).join('');
  });
}
