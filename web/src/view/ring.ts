// The sound of news.
let sound: AudioContext | null = null;
let plays = false;

/** Two short notes; nothing is fetched. News that come while they sound make no more of it. Afterwards the device is let go: a context
 * that runs on keeps a sound card awake. */
export function ring(): void {
  try {
    sound ??= new AudioContext();
    void sound.resume().catch(() => undefined); // waits where nobody touched the page yet
    if (plays) return;
    const now = sound.currentTime;
    let last: OscillatorNode;
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
      last = o;
    }
    plays = true;
    last!.onended = () => {
      plays = false;
      void sound!.suspend();
    };
  } catch {
    /* no sound to be had */
  }
}
