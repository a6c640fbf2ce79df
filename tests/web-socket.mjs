/**
 * As much of the WebSocket protocol (RFC 6455) as one short message each way needs: Node 20 has no client of its own.
 */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';

const TEXT = 0x81, MASKED = 0x80;
const acceptOf = (key) => createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

/** A text of at most 125 bytes as one frame; what a client sends is masked. @param {string} text @param {Buffer} [mask] */
function frame(text, mask) {
  const bytes = Buffer.from(text), head = Buffer.of(TEXT, bytes.length | (mask ? MASKED : 0));
  return Buffer.concat(mask ? [head, mask, bytes.map((byte, at) => byte ^ mask[at % 4])] : [head, bytes]);
}

/** The text of the first frame, once all of it is there. @param {import('node:stream').Duplex} socket @param {Buffer} [head] */
async function message(socket, head = Buffer.alloc(0)) {
  for (let bytes = head; ; bytes = Buffer.concat([bytes, (await once(socket, 'data'))[0]])) {
    const length = bytes[1] & 0x7f, masked = Boolean(bytes[1] & MASKED), from = masked ? 6 : 2;
    if (bytes.length < 2 || bytes.length < from + length) continue;
    const mask = bytes.subarray(2, 6), body = bytes.subarray(from, from + length);
    return Buffer.from(masked ? body.map((byte, at) => byte ^ mask[at % 4]) : body).toString('utf8');
  }
}

/** Answers an upgrade, and the first message with the address and the message. @type {(incoming: import('node:http').IncomingMessage, socket: import('node:stream').Duplex, head: Buffer) => Promise<void>} */
export async function echoOverWebSocket(incoming, socket, head) {
  const { 'sec-websocket-key': key, 'sec-websocket-protocol': protocol } = incoming.headers;
  socket.on('error', () => {});
  socket.write(['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${acceptOf(key)}`,
    ...(protocol ? [`Sec-WebSocket-Protocol: ${protocol}`] : []), '', ''].join('\r\n'));
  socket.write(frame(`${incoming.url}: ${await message(socket, head)}`));
}

/** Opens a WebSocket, sends a message, and gives the first one that comes. @param {string} url @param {string} text */
export async function overWebSocket(url, text) {
  const key = randomBytes(16).toString('base64');
  const headers = { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-key': key, 'sec-websocket-version': '13', 'sec-websocket-protocol': 'prices' };
  const asked = request(url, { headers, agent: false });
  asked.end();
  const [answer, socket, head] = await Promise.race([once(asked, 'upgrade'),
    once(asked, 'response').then(([{ statusCode }]) => { throw new Error(`no WebSocket, but status ${statusCode}`); })]);
  if (answer.headers['sec-websocket-accept'] !== acceptOf(key)) throw new Error('the answer is to another request');
  socket.write(frame(text, randomBytes(4)));
  const echo = await message(socket, head);
  socket.destroy();
  return { protocol: answer.headers['sec-websocket-protocol'], echo };
}
