import type { Plugin } from "esbuild"

export const builtins: Plugin
export function buildInto(
  folder: string,
  root: string,
  options?: { readonly version?: string; readonly without?: readonly string[] },
): Promise<{ readonly inputs: readonly string[] }>
