// A line drawn around points.

/** @typedef {[number, number]} Corner */

/** How far a point lies from a line. @param {Corner} p @param {Corner} a @param {Corner} b */
function off([x, y], [ax, ay], [bx, by]) {
  const length = Math.hypot(bx - ax, by - ay);
  if (!length) return Math.hypot(x - ax, y - ay);
  return Math.abs((bx - ax) * (ay - y) - (ax - x) * (by - ay)) / length;
}

/** Leaves out corners that hardly matter (Ramer, Douglas & Peucker). @param {Corner[]} line @param {number} least @returns {Corner[]} */
export function simplified(line, least) {
  if (line.length < 3) return line;
  let [far, at] = [0, 0];
  for (let index = 1; index < line.length - 1; index += 1) {
    const here = off(line[index], line[0], line[line.length - 1]);
    if (here > far) [far, at] = [here, index];
  }
  if (far <= least) return [line[0], line[line.length - 1]];
  return [...simplified(line.slice(0, at + 1), least).slice(0, -1), ...simplified(line.slice(at), least)];
}

/** @param {Corner[]} polygon */
export const written = (polygon) => polygon.flat().join(",");

/** @param {string | null} text @returns {Corner[] | null} */
export function readPolygon(text) {
  const numbers = (text ?? "").split(",").map(Number);
  if (numbers.length < 6 || numbers.length % 2 || numbers.length > 800 || !numbers.every((one) => Number.isInteger(one) && one >= -65535 && one <= 131070)) return null;
  return Array.from({ length: numbers.length / 2 }, (_, at) => [numbers[2 * at], numbers[2 * at + 1]]);
}
