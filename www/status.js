/**
 * The line at the top: whether the page is in touch with the Worker, and how old the published snapshot is.
 */
import { send } from './api.js';
import { byId } from './dom.js';
import { ago, count, duration } from './format.js';
import { onConnection } from './live.js';
import { isSignedOut } from './session.js';
import { app as words } from './words.js';

const HEALTH_EVERY_MS = 10_000;

const line = byId('connection', HTMLElement), age = byId('age', HTMLElement);

/** @type {import('./live.js').Connection} */
let connection = { kind: 'live' };

/** What the Worker serves, and when we knew it. @type {{ version: number, age_ms: number, stopped: boolean, read_at_ms: number } | null} */
let snapshot = null;

/** @returns {[string, string]} kind and sentence */
function sentence() {
  if (isSignedOut()) return ['out', words.signedOut];
  switch (connection.kind) {
    case 'hidden': return ['hidden', words.hidden];
    case 'lost': return ['lost', words.lost];
    case 'wrong': return ['lost', words.wrong(connection.message)];
    default: return ['live', words.live];
  }
}

/** @returns {string} empty where nothing is published */
const snapshotAge = () => (snapshot ? words.snapshot(count(snapshot.version), ago(snapshot.age_ms + performance.now() - snapshot.read_at_ms)) : '');

export function drawStatus() {
  const [kind, text] = sentence();
  if (line.dataset.kind !== kind || line.textContent !== text) {
    line.dataset.kind = kind;
    line.textContent = text;
  }
  line.title = 'message' in connection ? connection.message : '';
  // Not in the line that is read out: it changes each second.
  age.textContent = connection.kind === 'lost' && !isSignedOut() ? words.again(duration(Math.max(0, connection.again_at_ms - Date.now()))) : snapshot?.stopped ? words.stopped : snapshotAge();
  age.classList.toggle('stopped', snapshot?.stopped === true);
}

/** What anybody may know of the snapshot in use; it needs no credential. */
async function readHealth() {
  if (document.hidden) return;
  try {
    const answer = await send('/haggle/health', {}, '');
    // What is not known now is not known to be over: above all that prices are stopped.
    if (!answer.ok) return drawStatus();
    const health = answer.json();
    snapshot = health.snapshot ? { ...health.snapshot, read_at_ms: performance.now() } : null;
  } catch {
    // The connection's own line says so; the age goes on.
  }
  drawStatus();
}

export function startStatus() {
  onConnection((now) => {
    connection = now;
    drawStatus();
  });
  setInterval(drawStatus, 1000);
  setInterval(readHealth, HEALTH_EVERY_MS);
  readHealth();
}
