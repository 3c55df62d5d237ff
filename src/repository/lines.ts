// Lines of text out of whatever gives text: strings, bytes, and chunks of either cut anywhere.
// A line that is not text is a line nevertheless, so that line numbers hold.

/** Text of many lines: whole, in chunks cut anywhere, or line by line. */
export type LineSource = string | Uint8Array | Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

/** One line. */
export interface Line {
  /** Its number, from 1. */
  readonly number: number;
  /** Its text without the line's end; undefined when its bytes are not UTF-8. */
  readonly text: string | undefined;
}

type Piece = string | Uint8Array;

const newline = 0x0a;

/**
 * Splits text into lines.
 *
 * @param source - the text.
 * @param each - whether what the source gives are chunks cut anywhere, or lines.
 * @returns the lines, blank ones among them; the source is asked when they are used up.
 */
export async function* linesOf(source: LineSource, each: "chunk" | "line"): AsyncGenerator<Line, void, undefined> {
  const pieces = typeof source === "string" || source instanceof Uint8Array ? [source] : source;
  let number = 0;
  let begun: Piece[] = [];
  for await (const piece of pieces) {
    let from = 0;
    if (each === "chunk") {
      for (let end = endOfLine(piece, 0); end >= 0; end = endOfLine(piece, from)) {
        begun.push(part(piece, from, end));
        number += 1;
        yield { number, text: textOf(begun, number) };
        begun = [];
        from = end + 1;
      }
    }
    if (from < piece.length || each === "line") begun.push(part(piece, from, piece.length));
    if (each === "chunk") continue;
    number += 1;
    yield { number, text: textOf(begun, number) };
    begun = [];
  }
  if (begun.length === 0) return;
  yield { number: number + 1, text: textOf(begun, number + 1) };
}

function endOfLine(piece: Piece, from: number): number {
  return typeof piece === "string" ? piece.indexOf("\n", from) : piece.indexOf(newline, from);
}

function part(piece: Piece, from: number, to: number): Piece {
  return typeof piece === "string" ? piece.slice(from, to) : piece.subarray(from, to);
}

// Bytes are made text line by line: a character may be cut by the end of a chunk, but not by the end of a line.
function textOf(pieces: readonly Piece[], number: number): string | undefined {
  const text = pieces.every((piece) => typeof piece === "string") ? pieces.join("") : decoded(pieces);
  // The sign that some editors put in front of a file.
  return number === 1 && text?.startsWith("\uFEFF") === true ? text.slice(1) : text;
}

function decoded(pieces: readonly Piece[]): string | undefined {
  const bytes = Buffer.concat(pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece)));
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
