/** @returns the section of CHANGELOG.md about a version, or about what is not released yet */
export function changesOf(changelog: string, version: string): string {
  const sections = changelog.split(/^(?=## )/m)
  const section =
    sections.find((text) => new RegExp(`^## \\[?v?${version.replaceAll(".", "\\.")}\\b`).test(text)) ??
    sections.find((text) => /^## \[?unreleased/i.test(text))
  if (section === undefined)
    throw new Error(`CHANGELOG.md has no section about ${version}, nor about what is unreleased`)
  return section
}
