/** What the side panel of the editor shows: every application of these flows, by the agent it is deployed to. */
export interface PanelView {
  readonly agents: readonly PanelAgent[]
  /** Applications that are left out, past PANEL_APPLICATIONS_MAX. */
  readonly more: number
}

export interface PanelAgent {
  /** Of its configuration node; empty: the agent of this machine. */
  readonly id: string
  /** Empty where nobody gave it one. */
  readonly name: string
  /** `http://…`; null while none is known. */
  readonly url: string | null
  /** Why it cannot be reached; null: it can. */
  readonly problem: string | null
  readonly applications: readonly PanelApplication[]
}

/** How an application stands: in the agent, on its way there, or why not. */
export type Standing = "deploying" | "deployed" | "refused" | "unreachable"

export interface PanelApplication {
  readonly name: string
  readonly standing: Standing
  /** The version in the agent that these flows made; null while that is not known. */
  readonly version: number | null
  readonly running: number
  readonly waiting: number
  /** Of the open ones, those of earlier versions. */
  readonly older: number
  /** Whether more are open than are counted. */
  readonly countedAll: boolean
  /** The last ones, newest first. */
  readonly results: readonly PanelResult[]
  /** PANEL_REFUSALS_MAX of them. */
  readonly refusals: readonly PanelRefusal[]
  /** A node of it to go to. */
  readonly node: string
}

export interface PanelResult {
  readonly execution: string
  readonly workflow: string
  /** In which it ended: completed, failed or cancelled. */
  readonly status: string
  /** ISO 8601. */
  readonly finished: string
}

export interface PanelRefusal {
  readonly code: string
  readonly message: string
  /** The node to go to. */
  readonly node: string
}
