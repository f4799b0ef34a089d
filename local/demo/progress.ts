/** Shows the progress of long work: one updated line on a terminal, a line from time to time elsewhere. */
export interface Progress {
  /** Begins a step, and ends the previous one. */
  step(name: string): void;
  /** Sets the progress of the step. */
  update(text: string): void;
  /** Ends the last step. */
  done(): void;
}

/** The interval between lines where they cannot be updated. */
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
