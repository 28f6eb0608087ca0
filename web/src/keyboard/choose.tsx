// Choosing one of the 46 keyboards by its name, and in Settings which of them to offer.
import '../ui/icons-more';
import { useSignal } from '@preact/signals';
import { t } from '../i18n';
import { DialogHead, openDialog } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { allByName, codeOf, matching, nameOf, ownName } from './list';
import { chosen, offered, remember } from './memory';

function Search({ value, onInput, autofocus }: { value: string; onInput: (s: string) => void; autofocus?: boolean }) {
  return (
    <label class="search">
      <Icon name="search" small />
      <span class="hidden">{t('kb.search')}</span>
      <input type="search" placeholder={t('kb.search')} value={value} autofocus={autofocus} onInput={(e) => onInput(e.currentTarget.value)} />
    </label>
  );
}

function Names({ id }: { id: string }) {
  return (
    <span class="grow">
      <span class="block title">{nameOf(id)}</span>
      <span class="block quiet-text" lang={codeOf(id)} dir="auto">
        {ownName(id)}
      </span>
    </span>
  );
}

function List({ onPick, reading }: { onPick: (id: string) => void; reading?: readonly string[] }) {
  const q = useSignal('');
  const first = offered(reading);
  const now = chosen(reading);
  const groups = [
    ['kb.offered', matching(first, q.value)],
    ['kb.others', matching(allByName(), q.value).filter((id) => !first.includes(id))],
  ] as const;
  return (
    <>
      <Search value={q.value} onInput={(s) => (q.value = s)} autofocus={!matchMedia('(pointer: coarse)').matches} />
      <div class="scroll">
        {groups.map(([head, ids]) =>
          ids.length ? (
            <section key={head}>
              <h3 class="small-head">{t(head)}</h3>
              <ul class="plain">
                {ids.map((id) => (
                  <li key={id}>
                    <button type="button" class="row-button" aria-current={id === now || undefined} onClick={() => onPick(id)}>
                      <Names id={id} />
                      {id === now && <Icon name="check" small />}
                    </button>
                  </li>
                ))}
              </ul>
            </section>
          ) : null,
        )}
        {groups.every(([, ids]) => !ids.length) && <p class="quiet-text">{t('search.none')}</p>}
      </div>
    </>
  );
}

/** Settles with the layout that was chosen, or undefined. */
export const chooseKeyboard = (reading?: readonly string[]): Promise<string | undefined> =>
  openDialog<string>((close) => (
    <>
      <DialogHead title={t('kb.choose')} onClose={() => close()} closeLabel={t('close')} />
      <List reading={reading} onPick={(id) => close(id)} />
    </>
  ));

/** The part of Settings: which keyboards the key with the globe goes through. */
export function OfferedKeyboards({ reading }: { reading?: readonly string[] }) {
  const q = useSignal('');
  const now = offered(reading);
  const turn = (id: string, isOn: boolean): void => remember({ offer: isOn ? [...now, id] : now.filter((x) => x !== id) });
  return (
    <section class="stack">
      <h3 class="small-head">{t('kb.offer')}</h3>
      <p class="field-hint">{t('kb.offerHint')}</p>
      <Search value={q.value} onInput={(s) => (q.value = s)} />
      <div class="picks kb-picks" role="group" aria-label={t('kb.offer')}>
        {matching(allByName(), q.value).map((id) => (
          <label key={id} class="pick">
            <input type="checkbox" checked={now.includes(id)} disabled={now.length === 1 && now[0] === id} onChange={(e) => turn(id, e.currentTarget.checked)} />
            <Names id={id} />
          </label>
        ))}
      </div>
    </section>
  );
}
