// Patterns over the keys of a cache, as its users write them.
// Keys stand encoded on the server, so that a pattern of theirs is not one of the server's.

/** A pattern, ready to be used. */
export interface KeyPattern {
  /** What every key begins with that fits. */
  readonly beginning: string;
  /** Tells whether a key fits. */
  readonly fits: (key: string) => boolean;
}

/**
 * Reads a pattern.
 *
 * @param pattern - `*` is any text, `?` any character, and a backslash takes the meaning from what follows.
 * @returns what fits it.
 */
export function matching(pattern: string): KeyPattern {
  let beginning: string | undefined;
  let text = "";
  let expression = "";
  for (let at = 0; at < pattern.length; at += 1) {
    const sign = pattern[at] as string;
    if (sign === "*" || sign === "?") {
      beginning ??= text;
      expression += sign === "*" ? ".*" : ".";
      continue;
    }
    if (sign === "\\" && at + 1 < pattern.length) at += 1;
    const literal = pattern[at] as string;
    text += literal;
    expression += literal.replace(/[\\^$.*+?()[\]{}|/-]/, "\\$&");
  }
  const whole = new RegExp(`^${expression}$`, "su");
  return { beginning: beginning ?? text, fits: (key) => whole.test(key) };
}
