/** SQL in its smallest pieces, so that what is rewritten is code and never a text, a name or a comment. Latin-1: a byte is a character. */

export interface Token {
  /** `open` and `close`: of a comment that a server of some version runs, such as `/*!80016`. */
  readonly kind: 'word' | 'name' | 'string' | 'sign' | 'space' | 'comment' | 'open' | 'close';
  readonly text: string;
}

const PIECES: readonly (readonly [Token['kind'], RegExp])[] = [
  ['space', /\s+/y],
  ['name', /`(?:[^`]|``)*`/y],
  ['string', /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"/y],
  ['open', /\/\*M?!\d*/y],
  ['close', /\*\//y],
  ['comment', /\/\*[\s\S]*?\*\/|#[^\n]*|--(?=[\s])[^\n]*/y],
  ['word', /[A-Za-z0-9_$\x80-\xff]+/y],
  ['sign', /[\s\S]/y],
];

/** All of them together are the text. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    for (const [kind, pattern] of PIECES) {
      pattern.lastIndex = at;
      const found = pattern.exec(text)?.[0];
      if (found === undefined) continue;
      tokens.push({ kind, text: found });
      at += found.length;
      break;
    }
  }
  return tokens;
}

export const textOf = (tokens: readonly Token[]): string => tokens.map((one) => one.text).join('');

export const isWord = (token: Token | undefined, ...words: readonly string[]): boolean =>
  token?.kind === 'word' && words.includes(token.text.toUpperCase());
export const isSign = (token: Token | undefined, sign: string): boolean =>
  token?.kind === 'sign' && token.text === sign;

/** Index of the bracket that closes the one at `open`. */
export function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    if (isSign(tokens[at], '(')) depth += 1;
    else if (isSign(tokens[at], ')') && (depth -= 1) === 0) return at;
  }
  return tokens.length;
}

/** Index of the next token that is neither white space nor a comment. */
export function solid(tokens: readonly Token[], from: number): number {
  let at = from;
  while (at < tokens.length && ['space', 'comment'].includes(tokens[at]!.kind)) at += 1;
  return at;
}

/** At the commas that stand in no bracket. */
export function splitAtCommas(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (isSign(token, '(')) depth += 1;
    if (isSign(token, ')')) depth -= 1;
    if (depth === 0 && isSign(token, ',')) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts;
}
