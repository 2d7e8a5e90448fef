import { readFileSync, writeFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'
import { behaviours, numbersOf } from './behaviours.ts'
import { fidelityTable, type Shown, withTable } from './table.ts'

/** Writes the table into README from what the tests of this run showed. For a run of all of `tests/localstack`. */
export default class FidelityReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const shown = new Map<number, Shown>()
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        for (const number of numbersOf(test.name)) {
          const { passed, failed } = shown.get(number) ?? { passed: 0, failed: 0 }
          shown.set(number, {
            passed: passed + Number(state === 'passed'),
            failed: failed + Number(state === 'failed'),
          })
        }
      }
    }
    const readme = new URL('../../../localstack/README.md', import.meta.url)
    writeFileSync(readme, withTable(readFileSync(readme, 'utf8'), fidelityTable(behaviours, shown)))
  }
}
