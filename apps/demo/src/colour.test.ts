import { describe, expect, test } from 'vitest';
import { coloursOf, palette } from './colour.ts';

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

describe('colour', () => {
  const colourOf = (clientId: string) => coloursOf([clientId]).get(clientId) ?? '';

  test('[DM1] a person alone has a colour that depends on the clientId', () => {
    expect(colourOf('ann')).toBe(colourOf('ann'));
    expect(palette).toContain(colourOf(''));
    expect(palette).toContain(colourOf('\u{1f984}'));
    const used = new Set(Array.from({ length: 500 }, (_, index) => colourOf(`visitor-${index}`)));
    expect(used.size).toBe(palette.length);
  });

  test('[DM1] as long as there are colours, everybody has another one, in any order of arrival', () => {
    // Alone, each of them would have the same one.
    const many = Array.from({ length: 500 }, (_, index) => `visitor-${index}`);
    const ids = many.filter((id) => colourOf(id) === palette[0]).slice(0, palette.length);
    expect(ids).toHaveLength(palette.length);
    const colours = coloursOf(ids);
    expect(new Set(colours.values()).size).toBe(palette.length);
    expect(coloursOf([...ids].reverse())).toEqual(colours);
    expect(coloursOf([...ids, 'one-more', 'one-more']).size).toBe(palette.length + 1);
  });

  test('[DM1] a newcomer changes nobody with another colour', () => {
    const settled = coloursOf(['a', 'b', 'c']);
    const index = Array.from({ length: 99 }, (_, at) => at).find(
      (at) => ![...settled.values()].includes(colourOf(`n${at}`)),
    );
    expect(coloursOf(['a', 'b', 'c', `n${index}`])).toEqual(
      new Map([...settled, [`n${index}`, colourOf(`n${index}`)]]),
    );
  });

  test.each(palette)('[DM1] white text on %s can be read', (colour) => {
    expect(1.05 / (luminance(colour) + 0.05)).toBeGreaterThanOrEqual(4.5);
  });
});
