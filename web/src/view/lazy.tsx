import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { t } from '../i18n';
import { Button } from '../ui/parts';

const loaded = new Map<unknown, unknown>();

/** A screen that is fetched when it is first wanted. */
export function Lazy<M, P extends object>({ load, pick, name, ...rest }: { load: () => Promise<M>; pick: (m: M) => ComponentType<P>; name?: string } & Partial<P>) {
  const key = name ?? load.toString();
  const [module, setModule] = useState<M | null>((loaded.get(key) as M | undefined) ?? null);
  const [failed, setFailed] = useState(0);
  useEffect(() => {
    if (module) return;
    let isThere = true;
    load().then(
      (m) => {
        loaded.set(key, m);
        if (isThere) setModule(() => m);
      },
      () => isThere && setFailed(failed + 1),
    );
    return () => {
      isThere = false;
    };
  }, [failed === 0 ? 0 : undefined]);
  if (module) {
    const View = pick(module) as ComponentType<Record<string, unknown>>;
    return <View {...(rest as Record<string, unknown>)} />;
  }
  if (failed)
    return (
      <div class="empty" role="alert">
        <p>{t('err.unreachable')}</p>
        <Button onClick={() => location.reload()}>{t('reload')}</Button>
      </div>
    );
  return <div class="pane-wait" aria-busy="true" />;
}
