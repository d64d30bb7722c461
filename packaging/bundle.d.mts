export const SOURCES: readonly string[]
export function ensureBundle(root: string, node?: string): string
