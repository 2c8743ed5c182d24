/** How far something is, for a person: a line that changes in a terminal, one line per step elsewhere. */
export interface Display {
  /** A step begins; the one before has ended. */
  begin(title: string): void;
  /** What the step is at; only shown where the line can change. */
  say(text: string): void;
  /** The step has ended, well or not. */
  end(title?: string, good?: boolean): void;
  /** Something to read that stays. */
  note(text: string): void;
}

const FRAMES = [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'];

export function makeDisplay(stream: NodeJS.WriteStream = process.stderr): Display {
  const live = stream.isTTY && !process.env.CI;
  let title: string | undefined;
  let detail = '';
  let began = 0;
  let frame = 0;
  let timer: NodeJS.Timeout | undefined;
  const seconds = () => `${((Date.now() - began) / 1000).toFixed(1)} s`;
  const clear = () => {
    if (live) stream.write('\r\u001b[2K');
  };
  const draw = () => {
    clear();
    const line = `${FRAMES[frame++ % FRAMES.length] ?? ''} ${title ?? ''} ${seconds()}  ${detail}`;
    stream.write(line.slice(0, (stream.columns || 80) - 1));
  };

  const display: Display = {
    begin(next) {
      if (title !== undefined) display.end();
      title = next;
      detail = '';
      began = Date.now();
      if (live) timer = setInterval(draw, 100);
      else stream.write(`  ${next} …\n`);
    },
    say(text) {
      detail = text.trim();
    },
    end(as, good = true) {
      if (title === undefined) return;
      clearInterval(timer);
      clear();
      stream.write(`${good ? '✓' : '✗'} ${as ?? title} (${seconds()})\n`);
      title = undefined;
    },
    note(text) {
      if (title !== undefined) clear();
      stream.write(`${text}\n`);
    },
  };
  return display;
}
