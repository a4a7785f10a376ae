// Untrusted text made visible: what could hide or reorder text shows as its code point.
const UNSAFE =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]/gu;

export function visible(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(UNSAFE, (character) => `‹U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}›`);
}

/** A path of this server, or nothing: no data may lead elsewhere. */
export function ownPath(path: string): string | undefined {
  return /^\/(?![/\\])[\w/.%-]*$/.test(path) ? path : undefined;
}

/** The first characters, never half of one. */
export function clip(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}

/** Text of others, visible and no longer than a line or two: clipped before it is looked at, for it may be a megabyte. */
export function clipped(text: string, most = 160): string {
  return text.length > most ? `${clip(visible(clip(text, most)), most)}…` : visible(text);
}
