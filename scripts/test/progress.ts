/**
 * A reporter of vitest for `make test`: a line now and then says how far the tests are, so that nobody wonders. What tests
 * print, such as measurements, goes to build/reports/output.txt.
 */
import { appendFileSync } from 'node:fs';
import type { UserConsoleLog } from 'vitest';
import type { Reporter, TestCase, TestModule, TestSpecification } from 'vitest/node';

const EVERY_MS = 20_000;
const OUTPUT = 'build/reports/output.txt';

export default class Progress implements Reporter {
  #files = 0;
  #filesDone = 0;
  #passed = 0;
  #failed = 0;
  #timer: NodeJS.Timeout | undefined;

  onTestRunStart(specifications: readonly TestSpecification[]): void {
    this.#files = specifications.length;
    this.#timer = setInterval(() => this.#say(), EVERY_MS);
  }

  onTestCaseResult(test: TestCase): void {
    const { state } = test.result();
    if (state === 'passed') this.#passed++;
    if (state !== 'failed') return;
    this.#failed++;
    console.log(`  failed: ${test.module.relativeModuleId}: ${test.fullName}`);
  }

  onTestModuleEnd(_: TestModule): void {
    this.#filesDone++;
  }

  onUserConsoleLog({ content }: UserConsoleLog): void {
    appendFileSync(OUTPUT, content);
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer);
    this.#say();
  }

  #say(): void {
    const failed = this.#failed === 0 ? '' : `, ${this.#failed} failed`;
    console.log(`  ${this.#filesDone} of ${this.#files} files, ${this.#passed} tests passed${failed}`);
  }
}
