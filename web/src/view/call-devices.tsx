// Which microphone, camera and speaker a call uses; remembered for the next one.
import { useEffect, useState } from 'preact/hooks';
import { t } from '../i18n';
import { chats } from '../state/app';
import { Choice } from '../ui/parts';
import { hint } from './call';
import { canChooseSpeaker, changeDevice, listDevices, mine, whyNot } from './call-media';

const kinds = [
  ['mic', 'audioinput', 'call.mic'],
  ['camera', 'videoinput', 'call.cameraChoice'],
  ['speaker', 'audiooutput', 'call.speaker'],
] as const;

export function CallDevices() {
  const c = chats.value!;
  const s = c.settings.value;
  const [list, setList] = useState<MediaDeviceInfo[]>([]);
  useEffect(() => {
    const load = (): void => void listDevices().then(setList, () => undefined);
    load();
    navigator.mediaDevices.addEventListener('devicechange', load);
    return () => navigator.mediaDevices.removeEventListener('devicechange', load);
  }, []);
  const choose = async (kind: 'mic' | 'camera' | 'speaker', id: string): Promise<void> => {
    hint.value = '';
    await c.engine.saveSettings({ [kind]: id || undefined });
    if (kind === 'speaker' || !mine.peek()[kind]) return;
    try {
      await changeDevice(kind, { mic: c.engine.settings.mic, camera: c.engine.settings.camera });
    } catch (err) {
      hint.value = t(`call.stuck.${whyNot(err, kind === 'camera')}`);
    }
  };
  return (
    <div class="call-devices" role="group" aria-label={t('call.devices')}>
      {kinds.map(([kind, type, label]) => {
        const found = list.filter((d) => d.kind === type && d.deviceId !== 'default' && d.deviceId !== 'communications');
        if (!found.length || (kind === 'speaker' && !canChooseSpeaker())) return null;
        const value = s[kind] && found.some((d) => d.deviceId === s[kind]) ? s[kind]! : '';
        return <Choice key={kind} id={`call-${kind}`} label={t(label)} value={value} options={[['', t('call.deviceDefault')], ...found.map((d, i): [string, string] => [d.deviceId, d.label || `${t(label)} ${i + 1}`])]} onChange={(v) => void choose(kind, v)} />;
      })}
    </div>
  );
}
