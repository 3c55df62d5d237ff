// The cells of a geo index that cover an area, as ranges of the scores that the server gives to places.
// GEOSEARCH is not asked: near the poles and at the antimeridian every server leaves places out.
import { type Area, boundsOf, type Box, widthOf } from "../../query/geo.ts";
import { maxLatitude } from "../../schema/shape.ts";

/** First and last score of neighbouring cells. */
export type CellRange = readonly [first: string, last: string];

/** Halvings of the globe in each direction that a score holds. */
const depth = 26;
/** Cells in each direction that an area is covered by, at most. */
const most = 6;
/** Degrees around an area, more than the finest cell: places are read as the middle of theirs. */
const margin = 1e-5;

/**
 * Covers an area with cells.
 *
 * @param area - a checked area.
 * @returns ranges of scores in ascending order, few; every place within the area has its score in one of them.
 */
export function coveringCells(area: Area): CellRange[] {
  const { west, south, east, north } = boundsOf(area);
  const box: Box = { west: west - margin, south: south - margin, east: east + margin, north: north + margin };
  const width = Math.min(360, widthOf({ west, east, south, north }) + 2 * margin);
  const level = levelOf(width, box.north - box.south);
  const count = 2 ** level;
  const cell = 360 / count;
  const first = Math.floor((box.west + 180) / cell);
  const columns = Math.min(count, Math.floor((box.west + width + 180) / cell) - first + 1);
  const [low, high] = [rowOf(box.south, count), rowOf(box.north, count)];
  const codes: number[] = [];
  for (let column = first; column < first + columns; column += 1) {
    // Cells go around the globe.
    const turned = ((column % count) + count) % count;
    for (let row = low; row <= high; row += 1) codes.push(interleave(row, turned, level));
  }
  return merged(
    codes.sort((left, right) => left - right),
    4 ** (depth - level),
  );
}

// The finest level at which the area spans few cells.
function levelOf(width: number, height: number): number {
  const longest = Math.max(width / 360, height / (2 * maxLatitude));
  const level = Math.floor(Math.log2((most - 1) / longest));
  return Math.max(0, Math.min(depth, level));
}

function rowOf(latitude: number, count: number): number {
  const row = Math.floor(((latitude + maxLatitude) / (2 * maxLatitude)) * count);
  return Math.max(0, Math.min(count - 1, row));
}

// The bits of row and column in turn, the column's above the row's; beyond 32 bits, so without bit operators.
function interleave(row: number, column: number, level: number): number {
  let code = 0;
  for (let bit = level - 1; bit >= 0; bit -= 1) {
    code = code * 4 + (Math.floor(column / 2 ** bit) % 2) * 2 + (Math.floor(row / 2 ** bit) % 2);
  }
  return code;
}

function merged(codes: readonly number[], size: number): CellRange[] {
  const ranges: CellRange[] = [];
  let start = 0;
  for (let at = 1; at <= codes.length; at += 1) {
    if (codes[at] === (codes[at - 1] as number) + 1) continue;
    ranges.push([String((codes[start] as number) * size), String(((codes[at - 1] as number) + 1) * size - 1)]);
    start = at;
  }
  return ranges;
}
