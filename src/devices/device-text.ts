// Names and serial numbers come out of a device: whoever made it chose what is in them. What is handed on is one printable line of bounded length. Pure.

const NAME_LENGTH = 64;

/** Control and format characters, lone surrogates and line ends could forge a line, turn text around, or steer a terminal. */
export function printableText(text: string, length = NAME_LENGTH): string {
  const line = text.slice(0, 4 * length).replace(/[\p{C}\p{Z}]+/gu, ' ');
  return [...line.trim()].slice(0, length).join('').trim();
}
