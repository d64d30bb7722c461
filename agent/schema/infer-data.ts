/**
 * The TypeScript type of the data that a JSON Schema literal describes, for the keywords that types can carry; anything
 * else is `unknown`. Checking at run time is data-schema.ts.
 */
export type Infer<Schema> = Schema extends { readonly const: infer Value }
  ? Value
  : Schema extends { readonly enum: readonly (infer Value)[] }
    ? Value
    : Schema extends { readonly type: "object" }
      ? InferObject<Schema>
      : Schema extends { readonly type: "array"; readonly items: infer Items }
        ? readonly Infer<Items>[]
        : Schema extends { readonly type: infer Name }
          ? InferName<Name>
          : unknown

interface Named {
  string: string
  number: number
  integer: number
  boolean: boolean
  null: null
  array: readonly unknown[]
  object: Record<string, unknown>
}

type InferName<Name> = Name extends keyof Named
  ? Named[Name]
  : Name extends readonly (infer Each)[]
    ? Each extends keyof Named
      ? Named[Each]
      : unknown
    : unknown

type Properties<Schema> = Schema extends { readonly properties: infer P } ? P : Record<never, never>
type Required<Schema> = Schema extends { readonly required: readonly (infer Key)[] } ? Key : never

type InferObject<Schema> = keyof Properties<Schema> extends never
  ? Record<string, unknown>
  : {
      readonly [K in keyof Properties<Schema> as K extends Required<Schema> ? K : never]: Infer<Properties<Schema>[K]>
    } & {
      readonly [K in keyof Properties<Schema> as K extends Required<Schema> ? never : K]?: Infer<Properties<Schema>[K]>
    }
