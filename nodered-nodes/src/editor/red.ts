import type { PaletteView } from "../runtime/palette/definition.ts"

/** What these nodes use of Node-RED's editor (4.1 and 5) and of its jQuery. Node-RED brings no types of its own. */
interface Editor {
  readonly nodes: {
    registerType(type: string, definition: NodeDefinition): void
    getType(type: string): NodeDefinition | null
    addNodeSet(set: NodeSet): void
    getNodeSet(id: string): NodeSet | undefined
    readonly registry: { getNodeList(): NodeSet[] }
    eachNode(visit: (node: EditorNode) => void): void
    /** Configuration nodes. */
    eachConfig(visit: (node: EditorNode) => void): void
    node(id: string): EditorNode | null | undefined
    /** Everything in the editor, deployed or not. */
    createCompleteNodeSet(options: { readonly credentials: boolean }): unknown
    dirty(isDirty: boolean): void
    filterLinks(filter: { readonly source?: EditorNode }): readonly Link[]
  }
  readonly palette: {
    /** Does nothing where the type is there. */
    add(type: string, definition: NodeDefinition): void
  }
  readonly comms: { subscribe(topic: string, listener: (topic: string, data: unknown) => void): void }
  readonly settings: { readonly apiRootUrl?: string; readonly mesgAgentPalette?: PaletteView }
  readonly editor: {
    validateNode(node: EditorNode): void
    /** The dialog of a configuration node. */
    editConfig(property: string, type: string, id: string): void
  }
  readonly view: {
    redraw(updateActive?: boolean): void
    /** Shows a node on its tab, and flashes it. */
    reveal(id: string): void
    importNodes(
      nodes: readonly object[],
      options: { readonly generateIds: boolean; readonly addFlow: boolean },
    ): { readonly nodeMap: Readonly<Record<string, { readonly z?: string }>> }
  }
  readonly workspaces: { show(id: string): void }
  readonly sidebar: {
    addTab(tab: Tab): void
    show(id: string): void
  }
  readonly actions: { add(name: string, act: () => void): void; invoke(name: string): void }
  readonly keyboard: { add(scope: string, keys: string, action: string): void }
  readonly events: {
    on(event: string, listener: (value: never) => void): void
    emit(event: string, value: unknown): void
  }
  notify(text: string, type: "error"): void
  readonly utils: { sanitize(text: string): string; renderMarkdown?(text: string): string }
  _(key: string, values?: Readonly<Record<string, unknown>>): string
}

interface Tab {
  readonly id: string
  /** On the tab, and in menus. */
  readonly label: string
  readonly name: string
  readonly iconClass: string
  readonly content: HTMLElement
  readonly action: string
  /** Whether it can be used beside an open dialog. */
  readonly enableOnEdit: boolean
}

export interface NodeSet {
  readonly id: string
  readonly name: string
  readonly module: string
  readonly types: string[]
}

interface Link {
  readonly source: EditorNode
  readonly sourcePort: number
  readonly target: EditorNode
}

/** A node on the canvas or in the dialog; its own properties are those of `defaults`. */
export interface EditorNode {
  readonly id: string
  readonly type: string
  readonly _def: NodeDefinition
  name?: string
  outputs?: number
  statuses?: string[]
  dirty?: boolean
  changed?: boolean
  resize?: boolean
  [property: string]: unknown
}

interface PropertyDefinition {
  readonly value: unknown
  readonly type?: string
  readonly required?: boolean
  /** Since 3.0 with `opt` a text says what is wrong. */
  readonly validate?: (this: EditorNode, value: unknown, options?: object) => boolean | string
}

export interface NodeDefinition {
  category: string
  defaults: Readonly<Record<string, PropertyDefinition>>
  credentials?: Readonly<Record<string, { readonly type: "text" | "password" }>>
  color?: string
  icon?: string
  inputs?: number
  outputs?: number
  inputLabels?: string | ((this: EditorNode, port: number) => string)
  outputLabels?: (this: EditorNode, port: number) => string | undefined
  label?: (this: EditorNode) => string
  labelStyle?: (this: EditorNode) => string
  paletteLabel?: string | ((this: NodeDefinition) => string)
  oneditprepare?: (this: EditorNode) => void
  oneditsave?: (this: EditorNode) => void
  onadd?: (this: EditorNode) => void
  readonly set?: NodeSet
}

/** The part of jQuery with Node-RED's widgets. */
export interface Query {
  readonly length: number
  [index: number]: HTMLElement
  val(): string
  val(value: string): Query
  text(text: string): Query
  html(html: string): Query
  empty(): Query
  append(...children: (Query | HTMLElement)[]): Query
  appendTo(parent: Query | string): Query
  attr(name: string, value: string): Query
  prop(name: string): unknown
  prop(name: string, value: unknown): Query
  css(name: string, value: string): Query
  on(event: string, listener: () => void): Query
  hide(): Query
  show(): Query
  toggle(shown: boolean): Query
  closest(selector: string): Query
  typedInput(options: { types: readonly unknown[]; default?: string }): Query
  typedInput(member: "value" | "type"): string
  typedInput(member: "value" | "type", value: string): Query
  typedInput(member: "types", value: readonly unknown[]): Query
  typedInput(member: "width", value: string): Query
}

interface JQuery {
  (selector: string): Query
  ajax(options: {
    readonly url: string
    readonly type: string
    readonly contentType: string
    readonly data: string
  }): Posted
  getJSON(url: string, done: (data: unknown) => void): Request_
}

interface Posted {
  done(call: (answer: unknown) => void): void
  fail(call: (response: { readonly responseText: string; readonly responseJSON?: unknown }) => void): void
}

interface Request_ {
  fail(call: () => void): Request_
  always(call: () => void): Request_
}

declare global {
  const RED: Editor
  const $: JQuery
}
