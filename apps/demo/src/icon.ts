const shapes = {
  lock: 'M5 9V6.500a3 3 0 0 1 6 0V9M4 9h8v5H4z',
  pencil: 'M3.500 12.500l.6-2.800 6.700-6.700 2.200 2.200-6.700 6.700zM9.500 4.300l2.200 2.200',
  check: 'M3.500 8.500l3 3 6-7',
} as const;

/** A line icon in the colour of the text around it, hidden from screen readers: the words beside it say the same. */
export function icon(name: keyof typeof shapes): SVGSVGElement {
  const path = shape('path', { d: shapes[name] });
  const svg = shape('svg', { viewBox: '0 0 16 16', class: 'icon', 'aria-hidden': 'true' });
  svg.append(path);
  return svg;
}

/** The arrow of a live cursor. */
export function arrow(): SVGSVGElement {
  const svg = shape('svg', { viewBox: '0 0 20 22', class: 'arrow', 'aria-hidden': 'true' });
  svg.append(shape('path', { d: 'M2 1.500l15.500 9.300-7.100 1.500-3.900 6.400z' }));
  return svg;
}

function shape<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Record<string, string>,
): SVGElementTagNameMap[K] {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
