export function buildNodeRedPackage(folder: string): Promise<void>
