// Who translates, and into what: chosen once, before any word goes anywhere.
import { useSignal } from '@preact/signals';
import { changeReading } from '../core/prefs';
import { engineOf } from '../core/translator';
import { baseOf } from '../base/lang';
import { language, languageName, languages, t } from '../i18n';
import { hasDevice } from '../state/translations';
import { chats } from '../state/app';
import { DialogHead, openDialog } from '../ui/dialog';
import { Button, Choice } from '../ui/parts';

export type Who = 'device' | 'relay' | 'off';

/** Languages that browsers translate, beside those of the page and of the engine. */
const common = 'ar bg bn cs da de el en es fa fi fr he hi hr hu id it ja ko lt nl no pl pt ro ru sk sl sr sv sw ta th tr uk ur vi zh-Hans zh-Hant'.split(' ');

export function languageChoices(also: (string | undefined)[] = []): [string, string][] {
  const offered = chats.peek()?.config.peek()?.translation?.languages ?? [];
  const tags = [...Object.keys(languages), ...common];
  for (const tag of [...offered, ...also]) if (tag && !tags.some((x) => baseOf(x) === baseOf(tag))) tags.push(tag);
  const list = [...new Set(tags)].filter((x) => x !== 'pt').map((tag): [string, string] => [tag, languageName(tag)]);
  return list.sort((a, b) => a[1].localeCompare(b[1], language.value));
}

/** The three ways, with what each of them means for one's words. */
export function WhoChoice({ value, onChange }: { value: Who | undefined; onChange: (who: Who) => void }) {
  const config = chats.value!.config.value;
  const name = config?.translation?.name || t('tr.engine');
  const isRelay = !!engineOf(config);
  const isDevice = hasDevice();
  const relayHint = !isRelay ? t('tr.relayNone') : config?.translation?.engine === 'local' ? t('tr.relayLocal', { name }) : t('tr.relayRemote', { name });
  const ways: [Who, string, string, boolean][] = [
    ['device', t('tr.device'), isDevice ? t('tr.deviceHint') : t('tr.deviceNone'), isDevice],
    ['relay', isRelay ? t('tr.relay', { name }) : t('tr.relayPlain'), relayHint, isRelay],
    ['off', t('tr.off'), t('tr.offHint'), true],
  ];
  return (
    <fieldset class="ways">
      <legend class="hidden">{t('tr.chooseTitle')}</legend>
      {ways.map(([who, label, hint, can]) => (
        <label key={who} class="way">
          <input type="radio" name="translate-by" value={who} checked={value === who} disabled={!can} onChange={() => onChange(who)} />
          <span class="grow">
            <span class="title block">
              <bdi>{label}</bdi>
            </span>
            <span class="field-hint block">{hint}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** Keeps who translates, with the engine that was agreed to. */
export async function keepChoice(who: Who): Promise<void> {
  const e = chats.peek()!.engine;
  await e.saveSettings({ translateBy: who, translateFor: who === 'relay' ? engineOf(e.config) : undefined });
}

function Ask({ close, to }: { close: (made?: { who: Who; to: string }) => void; to: string }) {
  const c = chats.value!;
  const isRelay = !!engineOf(c.config.value);
  const before = c.settings.value.translateBy;
  const who = useSignal<Who>(before && before !== 'off' ? before : hasDevice() ? 'device' : isRelay ? 'relay' : 'off');
  const into = useSignal(to);
  return (
    <form
      method="dialog"
      onSubmit={(ev) => {
        ev.preventDefault();
        close({ who: who.value, to: into.value });
      }}
    >
      <DialogHead title={t('tr.chooseTitle')} />
      <div class="dialog-text stack">
        <p class="quiet-text">{t('tr.chooseText')}</p>
        <WhoChoice value={who.value} onChange={(x) => (who.value = x)} />
        <Choice id="translate-into" label={t('tr.receive')} value={into.value} options={languageChoices([into.value])} onChange={(x) => (into.value = x)} />
      </div>
      <div class="dialog-foot">
        <Button kind="quiet" onClick={() => close()}>
          {t('cancel')}
        </Button>
        <Button kind="main" type="submit">
          {t('save')}
        </Button>
      </div>
    </form>
  );
}

/** Asks who translates. Answers the language to read in; null: nobody does. */
export async function askChoice(to: string): Promise<string | null> {
  const made = await openDialog<{ who: Who; to: string }>((close) => <Ask close={close} to={to} />);
  if (!made) return null;
  await keepChoice(made.who);
  const e = chats.peek()!.engine;
  if (made.who !== 'off' && made.to !== (e.settings.receive ?? language.peek())) await changeReading(e, { receive: made.to });
  return made.who === 'off' ? null : made.to;
}

function Pick({ close, title, now }: { close: (tag?: string) => void; title: string; now: string }) {
  const tag = useSignal(now);
  return (
    <form
      method="dialog"
      onSubmit={(ev) => {
        ev.preventDefault();
        close(tag.value);
      }}
    >
      <DialogHead title={title} />
      <Choice id="pick-language" label={t('settings.language')} value={tag.value} options={languageChoices([now])} onChange={(x) => (tag.value = x)} />
      <div class="dialog-foot">
        <Button kind="quiet" onClick={() => close()}>
          {t('cancel')}
        </Button>
        <Button kind="main" type="submit">
          {t('save')}
        </Button>
      </div>
    </form>
  );
}

export const pickLanguage = (title: string, now: string): Promise<string | undefined> =>
  openDialog<string>((close) => <Pick close={close} title={title} now={now} />);
