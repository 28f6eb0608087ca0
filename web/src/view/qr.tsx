// A QR code, drawn on a canvas: dark on light whatever the theme.
import { useEffect, useRef } from 'preact/hooks';

export function Qr({ text, label }: { text: string; label: string }) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    void import('lean-qr').then(({ generate }) => {
      if (ref.current) generate(text).toCanvas(ref.current, { padX: 3, padY: 3, on: [0, 0, 0, 255], off: [255, 255, 255, 255] });
    });
  }, [text]);
  return <canvas ref={ref} class="qr" role="img" aria-label={label} />;
}
