/** Shows what long work is doing: one line that changes on a terminal, a line now and then elsewhere. */
export interface Progress {
  /** Begins a step, and ends the one before. */
  step(name: string): void;
  /** How far the step is. */
  update(text: string): void;
  /** Ends the last step. */
  done(): void;
}

/** How often a line is written where it can't be changed. */
const plainIntervalMs = 2_000;

/** Writes to standard output. */
export function createProgress(output: NodeJS.WriteStream = process.stdout): Progress {
  const began = performance.now();
  let current = '';
  let stepBegan = began;
  let lastWritten = 0;
  let lastText = '';

  const seconds = (since: number) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
  const finish = () => {
    if (current === '') return;
    if (output.isTTY) output.write('\r\u001b[2K');
    output.write(`  ✓ ${current.padEnd(44)} ${seconds(stepBegan).padStart(7)}  ${lastText}\n`);
    current = '';
  };
  return {
    step(name) {
      finish();
      current = name;
      stepBegan = performance.now();
      lastWritten = stepBegan;
      lastText = '';
      if (output.isTTY) output.write(`  … ${name}`);
    },
    update(text) {
      lastText = text;
      if (output.isTTY) {
        output.write(`\r\u001b[2K  … ${current.padEnd(44)} ${seconds(stepBegan).padStart(7)}  ${text}`);
      } else if (performance.now() - lastWritten > plainIntervalMs) {
        lastWritten = performance.now();
        output.write(`    ${current}: ${text}\n`);
      }
    },
    done: finish,
  };
}
