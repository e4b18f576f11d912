export type Attributes = Readonly<Record<string, string | number | undefined>>;

export function element(name: string, attributes: Attributes, content = ''): string {
  const given = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [` ${key}="${escaped(String(value))}"`],
  );
  return content === '' ? `<${name}${given.join('')}/>\n` : `<${name}${given.join('')}>${content}</${name}>\n`;
}

export function text(content: string, attributes: Attributes): string {
  return element('text', attributes, escaped(content));
}

/** A whole picture; `style`: CSS. */
export function picture(
  size: { width: number; height: number },
  title: string,
  style: string,
  content: string,
): string {
  const { width, height } = size;
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: 'img',
    'font-family': 'system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif',
  };
  const background = element('rect', { width, height, fill: '#ffffff' });
  return element(
    'svg',
    attributes,
    `\n${element('title', {}, escaped(title))}<style>${style}</style>\n${background}${content}`,
  );
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
