// The sound of news.
let sound: AudioContext | null = null;

/** Two short notes; nothing is fetched. */
export function ring(): void {
  try {
    sound ??= new AudioContext();
    const now = sound.currentTime;
    for (const [i, hz] of [660, 880].entries()) {
      const o = sound.createOscillator();
      const g = sound.createGain();
      o.frequency.value = hz;
      g.gain.setValueAtTime(0.0001, now + i * 0.09);
      g.gain.exponentialRampToValueAtTime(0.08, now + i * 0.09 + 0.015);
      g.gain.exponentialRampToValueAtTime(0.0001, now + i * 0.09 + 0.16);
      o.connect(g).connect(sound.destination);
      o.start(now + i * 0.09);
      o.stop(now + i * 0.09 + 0.2);
    }
  } catch {
    /* no sound to be had */
  }
}
