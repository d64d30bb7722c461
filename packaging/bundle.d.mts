export function ensureBundle(root: string, node?: string): string
