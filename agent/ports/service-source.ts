/** Brings what somebody named as a service to a folder of this machine. */
export interface ServiceSources {
  /**
   * @param source the absolute path of a folder or of a packed service (.tgz), an http or https URL of one, or
   * `npm:NAME[@VERSION or TAG]`
   * @throws SourceError SOURCE_NOT_FOUND, PACKAGE_INVALID, PACKAGE_TOO_LARGE, PACKAGE_NOT_FOUND, PACKAGE_ALTERED,
   * DOWNLOAD_FAILED; nothing is left behind
   */
  open(source: string): Promise<OpenedSource>
}

export interface OpenedSource {
  /** As it was given, or where the package was unpacked. */
  readonly folder: string
  /** Takes away what was unpacked. */
  close(): Promise<void>
}
