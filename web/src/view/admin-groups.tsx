// All groups as an admin of the relay sees them: what they are and who owns them, nothing of what is said there.
import { useSignal } from '@preact/signals';
import { plainName } from '../base/text';
import { t, whenShort } from '../i18n';
import { chats } from '../state/app';
import { adminApi, type GroupOverview } from '../wire/admin';
import { ask } from '../ui/dialog';
import { openMenu, type MenuItem } from '../ui/menu';
import { Avatar, Empty, One } from '../ui/parts';
import { SearchField } from './admin-people';
import { Pages, usePagesOf } from './pages-of';
import { attempt } from './trouble';

export function Groups() {
  const api = adminApi(chats.value!.engine.api.relay);
  const q = useSignal('');
  const pages = usePagesOf(
    (after) => api.groups({ q: q.peek().trim(), after }).then((r) => ({ list: r.groups, after: r.after })),
    q.value.trim(),
  );
  const remove = async (g: GroupOverview): Promise<void> => {
    if (!(await ask({ title: t('group.delete'), text: t('admin.groupText', { name: plainName(g.name), n: g.member_count }), yes: t('group.delete'), no: t('cancel'), bad: true }))) return;
    if (await attempt(() => api.removeGroup(g.group_id))) await pages.load();
  };
  const actions = (g: GroupOverview): MenuItem[] => [{ label: t('group.delete'), icon: 'trash-2', bad: true, run: () => void remove(g) }];
  return (
    <>
      <SearchField label={t('admin.searchGroups')} value={q.value} onValue={(v) => (q.value = v)} />
      <Pages of={pages} empty={<Empty icon="users" title={t('admin.noGroups')} />}>
        {(list) => (
          <ul class="plain" aria-busy={pages.busy}>
            {list.map((g) => (
              <li key={g.group_id}>
                <button type="button" class="row-button" aria-haspopup="menu" onClick={(ev) => openMenu(ev.currentTarget, plainName(g.name), actions(g))}>
                  <Avatar name={g.name} address={g.group_id} size="mid" shape="group" />
                  <span class="grow">
                    <One class="block title">{plainName(g.name)}</One>
                    <span class="block quiet-text">
                      {t('group.members', { n: g.member_count })}
                      {g.active_at ? ` · ${t('admin.active', { when: whenShort(g.active_at) })}` : ''}
                    </span>
                    <span class="block quiet-text">
                      {t('role.owner')}: <bdi>{g.owner ? `@${g.owner}` : '–'}</bdi>
                      {g.owner_count > 1 ? ` +${g.owner_count - 1}` : ''}
                    </span>
                  </span>
                  <span class="pills">
                    {g.visibility === 'public' && <span class="pill">{t('admin.public')}</span>}
                    {g.mode === 'stream' && <span class="pill">{t('group.stream')}</span>}
                  </span>
                </button>
              </li>
            ))}
          </ul>
        )}
      </Pages>
    </>
  );
}
