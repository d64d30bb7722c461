export function setDark(dark: boolean): void
export function showWarning(): void
export function standsStill(): boolean
export function contrasts(): Record<string, number>
export function unnamedFields(): string[]
export function paletteMs(): number
