/** Bytes of an integer as VCDIFF has it: seven bits each, the highest ones first (RFC 3284, 2). */
export function integerLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
  return length;
}

/** Appends an integer as VCDIFF has it. */
export function pushInteger(bytes: number[], value: number): void {
  for (let index = integerLength(value) - 1; index >= 0; index--) {
    const group = Math.floor(value / 0x80 ** index) % 0x80;
    bytes.push(index === 0 ? group : group | 0x80);
  }
}

/** Appends the instruction ADD by the default code table (RFC 3284, 5.6). */
export function pushAdd(instructions: number[], size: number): void {
  if (size <= 17) {
    instructions.push(1 + size);
    return;
  }
  instructions.push(1);
  pushInteger(instructions, size);
}

/** Appends the instruction COPY by the default code table, for an address written in that mode. */
export function pushCopy(instructions: number[], size: number, mode: number): void {
  const code = 19 + 16 * mode;
  if (size >= 4 && size <= 18) {
    instructions.push(code + size - 3);
    return;
  }
  instructions.push(code);
  pushInteger(instructions, size);
}
