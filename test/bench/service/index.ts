interface Inputs {
  readonly number: number
}

const next = ({ number }: Inputs) => ({ status: "ok", data: { number: number + 1 } })

// Imports nothing: the agent copies the folder onto its shelf.
export default { tasks: { send: next, count: next } }
