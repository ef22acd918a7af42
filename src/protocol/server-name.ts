const SERVER_NAME = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([0-9A-Za-z.-]{1,255}))(?::\d{1,5})?$/;
const DOTTED_QUAD = /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;
const GROUP = /^[0-9A-Fa-f]{1,4}$/;

/** Whether a text is a server name: DNS name, IPv4 or [IPv6], optionally with a port (Appendices, "Server Name"). */
export function isServerName(text: string): boolean {
  const match = SERVER_NAME.exec(text);
  if (!match) return false;
  const [, ipv6, host] = match;
  if (ipv6 !== undefined) return isIpv6(ipv6);
  return host !== undefined && (!DOTTED_QUAD.test(host) || isIpv4(host));
}

function isIpv4(text: string): boolean {
  return DOTTED_QUAD.test(text) && text.split('.').every((part) => Number(part) <= 255);
}

/** RFC 3513, section 2.2: eight groups, `::` for a run of zeros once, the last two perhaps as a dotted quad. */
function isIpv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [index, half] of halves.entries()) {
    if (half === '') continue;
    const parts = half.split(':');
    const last = parts.at(-1) ?? '';
    if (index === halves.length - 1 && last.includes('.')) {
      if (!isIpv4(last)) return false;
      parts.pop();
      groups += 2;
    }
    if (!parts.every((part) => GROUP.test(part))) return false;
    groups += parts.length;
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}
