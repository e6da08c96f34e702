import { describe, expect, test } from 'vitest';
import { colourOf, palette } from './colour.ts';

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

describe('colour', () => {
  test('[DM1] a person has one colour, which depends on the clientId alone', () => {
    expect(colourOf('ann')).toBe(colourOf('ann'));
    expect(palette).toContain(colourOf(''));
    expect(palette).toContain(colourOf('\u{1f984}'));
  });

  test('[DM1] all colours are in use', () => {
    const used = new Set(Array.from({ length: 500 }, (_, index) => colourOf(`visitor-${index}`)));
    expect(used.size).toBe(palette.length);
  });

  test.each(palette)('[DM1] white text on %s can be read', (colour) => {
    expect(1.05 / (luminance(colour) + 0.05)).toBeGreaterThanOrEqual(4.5);
  });
});
