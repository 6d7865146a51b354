// What counterpoint.interaction.listener does, for a browser: how far was played, folded into a resume token.
// Offsets in notes count Unicode code points, as Array.from(text) does; JavaScript's own lengths do not.

const REMEMBERED_NOTES = 64;

export class Listener {
  constructor(conversation, session) {
    this.conversation = conversation;
    this.session = session;
    this.given_ = []; // what is to be played, in order
    this.notes = new Map();
    this.last = { session };
  }

  joined(session) { // a new connection; what was not played yet will come again
    this.session = session;
    this.given_ = [];
  }

  given(turn) { // {beat, part, text, flush, voiced: [[note, start, end, text_start], ...]}
    if (turn.flush) for (const each of this.given_) each.flushed = true;
    if (turn.text) this.given_.push({ ...turn, words: 0, flushed: false });
  }

  played(beat, part, words) { // so many words of it
    const at = this.given_.findIndex((each) => each.beat === beat && each.part === part);
    if (at < 0 || words <= 0) return;
    for (const earlier of this.given_.splice(0, at)) {
      if (!earlier.flushed) this.hear(earlier, Infinity); // they are played in order
    }
    const turn = this.given_[0];
    turn.words = Math.max(turn.words, words);
    const whole = this.hear(turn, turn.words);
    this.last = { session: this.session, beat, part, ...(whole ? {} : { words: turn.words }) };
  }

  hear(turn, words) { // whether that is all of it
    const ends = [...turn.text.matchAll(/\S+/gu)].map((word) => codePoints(turn.text.slice(0, word.index + word[0].length)));
    const whole = words >= ends.length;
    for (const [note, start, end, textStart] of turn.voiced) {
      const heard = whole ? end : start + Math.min(Math.max(0, ends[words - 1] - textStart), end - start);
      const known = this.notes.get(note) ?? 0;
      if (Math.max(heard > start ? heard : 0, known) === 0) continue;
      this.notes.delete(note); // the one heard last stands last
      this.notes.set(note, Math.max(heard, known));
      if (this.notes.size > REMEMBERED_NOTES) this.notes.delete(this.notes.keys().next().value);
    }
    return whole;
  }

  get token() {
    const token = { conversation: this.conversation, ...this.last, notes: Object.fromEntries(this.notes), version: 1 };
    const bytes = new TextEncoder().encode(JSON.stringify(token));
    return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  }
}

function codePoints(text) {
  return Array.from(text).length;
}
