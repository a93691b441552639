/** Types of `board-source.mjs`. */
export declare const picture: string
export declare const record: string
export declare const buildModule: string
export declare const entriesFolder: string
export declare function sourceHash(site: ReadonlyMap<string, string | Uint8Array>): string
export declare function pictureHash(): string
export declare function readRecord():
  | { readonly source: string; readonly picture: string }
  | undefined
