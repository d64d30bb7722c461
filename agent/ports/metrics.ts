/** Names are documented in docs/reference/metrics.md. */
export interface Metrics {
  count(name: string, by?: number, labels?: Readonly<Record<string, string>>): void
  /** A gauge read when it is asked for. */
  gauge(name: string, help: string, read: () => number): void
  /** One observation, in seconds. */
  observe(name: string, seconds: number): void
  /** The text exposition format of Prometheus. */
  text(): Promise<string>
}
