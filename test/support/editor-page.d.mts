export function setDark(dark: boolean): void
export function showWarning(): void
export function showPalette(): void
export function smaller(picture: string): Promise<string>
export function standsStill(): boolean
export function hasWires(count: number): boolean
export function dialogIsOpen(): boolean
export function differingShare(pictures: readonly [string, string]): Promise<number>
export function contrasts(parts: readonly string[]): Record<string, number>
export function unnamedFields(): string[]
export function paletteMs(): number
export function nodesOnTab(
  label: string,
): { readonly type: string; readonly agent: string; readonly outputs: number; readonly statuses?: string[] }[]
export function wiredPorts(id: string): number[]
