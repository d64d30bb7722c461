import { visit } from "./refuse.ts"
import type { SyntaxNode } from "./syntax.ts"

/**
 * The paths of plain names that an expression reads from its scope: `tasks.pay.data.hash` is
 * ["tasks", "pay", "data", "hash"]. A path ends before its first step that is no plain name; filters of a step are
 * passed over, as they keep its members.
 */
export function scopePaths(root: SyntaxNode): (readonly string[])[] {
  const paths: (readonly string[])[] = []
  visit(root, true, (node, atRoot) => {
    if (node.type !== "path") return
    const names = namesFrom(node.steps ?? [], atRoot)
    if (names.length > 0) paths.push(names)
  })
  return paths
}

function namesFrom(steps: readonly SyntaxNode[], atRoot: boolean): string[] {
  const names: string[] = []
  let inRoot = atRoot
  for (const step of steps) {
    // `$$` is the scope everywhere; `$` is it where the context is.
    if (step.type === "variable" && names.length === 0) inRoot = step.value === "$" || (step.value === "" && inRoot)
    else if (step.type !== "name" || !inRoot) break
    else {
      names.push(String(step.value))
      // `@$x` goes on from where the step began.
      if (step.focus !== undefined) break
    }
  }
  return names
}
