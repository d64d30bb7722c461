declare module "aedes-persistence/abstract.js" {
  /** What the contract uses of the test context of node:test. */
  export interface ContractContext {
    plan(count: number): void
    diagnostic(text: string): void
    readonly assert: typeof import("node:assert")
  }

  /** Registers the contract tests of the package. */
  export default function abstractPersistence(options: {
    readonly testAsync: boolean
    readonly persistence: () => unknown
    readonly test: (name: string, body: (context: ContractContext) => Promise<void>) => void
  }): void
}
